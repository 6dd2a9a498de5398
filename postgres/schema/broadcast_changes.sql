-- For the triggers of users' tables. A wrong use of it is an error; a failed send stays a warning.
create function realtime.broadcast_changes(
	topic_name text, event_name text, operation text, table_name text, table_schema text,
	new record, old record, level text default 'ROW'
) returns void language plpgsql volatile as $function$
begin
	if level = 'STATEMENT' then
		raise exception 'function can only be triggered for each row, not for each statement';
	end if;
	if operation is null or operation not in ('INSERT', 'UPDATE', 'DELETE') then
		raise exception 'Unexpected operation type: %', operation;
	end if;
	perform realtime.send(
		jsonb_build_object(
			'schema', table_schema, 'table', table_name, 'operation', operation,
			'record', to_jsonb(new), 'old_record', to_jsonb(old)),
		event_name, topic_name);
exception when others then
	raise exception 'Failed to process the row: %', sqlerrm;
end
$function$;
