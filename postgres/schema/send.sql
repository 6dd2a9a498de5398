-- Whatever goes wrong is a warning: the caller's own work must not fail over a notification.
create function realtime.send(payload jsonb, event text, topic text, private boolean default true)
returns void language plpgsql volatile as $function$
declare
	message_id uuid := gen_random_uuid();
	body jsonb := send.payload;
begin
	if not body ? 'id' then
		body := jsonb_set(body, array['id'], to_jsonb(message_id));
	end if;
	if send.topic is null then
		raise exception using errcode = 'syntax_error', message = 'syntax error at or near "NULL"';
	end if;
	perform set_config('realtime.topic', send.topic, true);
	insert into realtime.messages (id, payload, event, topic, private, extension)
	values (message_id, body, send.event, send.topic, send.private, 'broadcast');
exception when others then
	raise warning 'WarnSendingBroadcastMessage: %', sqlerrm;
end
$function$;
