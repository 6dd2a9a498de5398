-- Functions of the Engine's own session, in its temporary schema. Every name is qualified: what users call their own
-- objects must not matter. Code of users (policies, operators, generated columns) runs in a subtransaction that is
-- always rolled back, so that whatever it sets is gone before the next statement.

-- evaluate runs each statement as role who and returns its array of texts or its error. $1 and $2 are handed to all.
-- foreign_code says that the error came out of some function's body, which may say whatever it has read: then there are more
-- lines of context than ours, the statement and this function.
create or replace function pg_temp.realtime_evaluate(who text, statements text[], path text, v text[], c text[])
returns table (i int, result text[], state text, message text, detail text, hint text, foreign_code bool)
language plpgsql as $f$
declare
	got text[];
	context text;
	statement text;
	done bool; -- users' code may raise our own mark, too
begin
	i := 0;
	foreach statement in array statements loop
		i := i + 1; result := null; state := null; message := null; detail := null; hint := null; foreign_code := null; got := null; done := false;
		begin
			if path <> '' then
				perform pg_catalog.set_config('search_path', path, true);
			end if;
			perform pg_catalog.set_config('role', who, true);
			execute statement into got using v, c;
			done := true;
			raise exception using errcode = 'RT000';
		exception
			when others then
				if done then
					result := got;
					return next;
					continue;
				end if;
				get stacked diagnostics state = returned_sqlstate, message = message_text,
					detail = pg_exception_detail, hint = pg_exception_hint, context = pg_exception_context;
				foreign_code := pg_catalog.cardinality(pg_catalog.string_to_array(pg_catalog.replace(context, statement, ''), E'\n')) > 2;
		end;
		return next;
	end loop;
end
$f$;

-- role_security asks as role who whether row security is active for each table.
create or replace function pg_temp.realtime_role_security(who text, tables oid[])
returns table (rel oid, active bool, state text, message text)
language plpgsql as $f$
declare
	answer bool;
	t oid;
	done bool;
begin
	foreach t in array tables loop
		rel := t; active := null; state := null; message := null; answer := null; done := false;
		begin
			perform pg_catalog.set_config('role', who, true);
			answer := pg_catalog.row_security_active(t);
			done := true;
			raise exception using errcode = 'RT000';
		exception
			when others then
				if done then
					active := answer;
					return next;
					continue;
				end if;
				get stacked diagnostics state = returned_sqlstate, message = message_text;
		end;
		return next;
	end loop;
end
$f$;
