-- The topic that a policy is asked about. A setting that was made once in a session reads as '' afterwards.
create function realtime.topic() returns text language sql stable as $function$
	select nullif(current_setting('realtime.topic', true), '')
$function$;
