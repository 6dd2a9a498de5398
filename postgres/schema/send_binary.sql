create function realtime.send_binary(payload bytea, event text, topic text, private boolean default true)
returns void language plpgsql volatile as $function$
begin
	if send_binary.topic is null then
		raise exception using errcode = 'syntax_error', message = 'syntax error at or near "NULL"';
	end if;
	perform set_config('realtime.topic', send_binary.topic, true);
	insert into realtime.messages (id, binary_payload, event, topic, private, extension)
	values (gen_random_uuid(), send_binary.payload, send_binary.event, send_binary.topic, send_binary.private, 'broadcast');
exception when others then
	raise warning 'WarnSendingBroadcastMessage: %', sqlerrm;
end
$function$;
