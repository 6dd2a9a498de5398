package changes

import (
	"strings"
	"sync"
	"testing"

	"realtime/postgres/pgtest"
)

// The adversarial cases of the differential test: policies on adv.t, as whom they are asked, and with which claims.

const (
	userA = "00000000-0000-4000-8000-00000000000a"
	userB = "00000000-0000-4000-8000-00000000000b"
)

// policyCase is one arrangement of adv.t. The table has row security on and SELECT granted to everybody; sql comes after.
type policyCase struct {
	name  string
	sql   string
	roles []string // besides nobody: who subscribes
}

// using is a permissive SELECT policy.
func using(expression string) string {
	return "create policy p on adv.t for select using (" + expression + ")"
}

const revokeAll = "revoke all on adv.t from public, authenticated, anon, service_role; "

var (
	plainRole   = []string{"authenticated"}
	threeRoles  = []string{"authenticated", "anon", "r_member"}
	policyCases = []policyCase{
		{"sub from the claims", using(`uid = (current_setting('request.jwt.claims', true)::jsonb->>'sub')::uuid`), plainRole},
		{"auth.uid()", using(`uid = auth.uid()`), plainRole},
		{"select auth.uid()", using(`uid = (select auth.uid())`), plainRole},
		{"member subquery", using(`room in (select room from adv.m where user_id = (select auth.uid()))`), plainRole},
		{"correlated exists", using(`exists (select 1 from adv.m where m.room = t.room and m.user_id = auth.uid())`), plainRole},
		{"part of a sub-query that is evaluated while planning only", using(`exists (select 1 from adv.m where m.room = t.room and m.user_id = coalesce(t.uid, auth.uid()))`), plainRole},
		{"inner table with policies", `alter table adv.m enable row level security; create policy pm on adv.m for select using (user_id = auth.uid()); ` + using(`room in (select room from adv.m)`), plainRole},
		{"inner table whose policy raises while planning only", `alter table adv.m enable row level security; create policy pm on adv.m for select using (user_id = auth.uid()); ` + using(`id > 0 or room in (select room from adv.m)`), plainRole},
		{"inner table without privilege", using(`exists (select 1 from adv.secret where user_id = adv.t.uid)`), plainRole},
		{"view", using(`room in (select room from adv.rooms_view)`), plainRole},
		{"security definer", using(`adv.secdef_ok()`), plainRole},
		{"invoker without privilege", using(`adv.secinv_secret()`), plainRole},
		{"set returning", using(`room in (select adv.in_rooms())`), plainRole},
		{"immutable lie in SQL", using(`uid = adv.immutable_lie()`), plainRole},
		{"immutable lie in PL/pgSQL", using(`uid = adv.plpg_imm()`), plainRole},
		{"stable SQL over an immutable lie", using(`uid = adv.sql_over_lie()`), plainRole},
		{"stable PL/pgSQL over an immutable lie", using(`uid = adv.plpg_over_lie()`), plainRole},
		{"PL/pgSQL over a table whose policy lies", `alter table adv.m enable row level security; create policy pm on adv.m for select using (user_id = adv.immutable_lie()); ` + using(`adv.plpg_room(room)`), plainRole},
		{"no execute", using(`adv.noexec() or id = 1`), plainRole},
		{"current_user", using(`own = current_user`), threeRoles},
		{"who()", using(`own = adv.who()`), threeRoles},
		{"who of the definer", using(`own = adv.who_sd()`), []string{"authenticated", "anon"}},
		{"session_user", using(`own = session_user`), plainRole},
		{"pg_has_role", using(`pg_has_role('r_team','usage')`), []string{"authenticated", "r_member", "r_member_ni"}},
		{"to a role by membership", `create policy p on adv.t for select to r_team using (true)`, []string{"authenticated", "r_team", "r_member", "r_member_ni"}},
		{"role with quotes", `create policy p on adv.t for select to "r Weird-""Role" using (current_user = 'r Weird-"Role')`, []string{`r Weird-"Role`, "authenticated"}},
		{"no policy", ``, plainRole},
		{"restrictive only", `create policy p on adv.t as restrictive for select using (true)`, plainRole},
		{"permissive or", using(`uid = auth.uid()`) + `; create policy p2 on adv.t for select using (id = 3)`, plainRole},
		{"permissive and restrictive", using(`true`) + `; create policy p2 on adv.t as restrictive for all using (uid = auth.uid())`, plainRole},
		{"restrictive null", using(`true`) + `; create policy p2 on adv.t as restrictive for all using (room > 1)`, plainRole},
		{"for update only", `create policy p on adv.t for update using (true)`, plainRole},
		{"for all with check false", `create policy p on adv.t for all using (uid = auth.uid()) with check (false)`, plainRole},
		{"null result", using(`room = 1`), plainRole},
		{"error on some rows", using(`10 / (room - 1) > 0`), plainRole},
		{"error on some claims", using(`uid = (auth.jwt()->>'email')::uuid`), plainRole},
		{"error while planning only", using(`id > 2 or uid = (auth.jwt()->>'email')::uuid`), plainRole},
		{"recursion", using(`exists (select 1 from adv.t x where x.id = t.id)`), plainRole},
		{"role of the claims", using(`auth.role() = own`), plainRole},
		{"nested claims", using(`auth.jwt()->'app_metadata'->'rooms' @> to_jsonb(room)`), plainRole},
		{"key of the claims", using(`auth.jwt() ? 'sub'`), plainRole},
		{"legacy setting", using(`uid = nullif(current_setting('request.jwt.claim.sub', true),'')::uuid`), plainRole},
		{"missing setting", using(`current_setting('request.nope') = 'x'`), plainRole},
		{"bypassrls", using(`false`), []string{"service_role"}},
		{"superuser", using(`false`), []string{"r_super"}},
		{"owner", `alter table adv.t owner to r_owner; ` + using(`false`), []string{"r_owner"}},
		{"member of the owner", `alter table adv.t owner to r_team; ` + using(`false`), []string{"r_member", "r_member_ni"}},
		{"owner forced", `alter table adv.t owner to r_owner; alter table adv.t force row level security; ` + using(`id = 1`), []string{"r_owner"}},
		{"row security off", using(`false`) + `; alter table adv.t disable row level security`, plainRole},
		{"no privilege", revokeAll + using(`true`), plainRole},
		{"only the key", revokeAll + `grant select(id) on adv.t to authenticated; ` + using(`uid = auth.uid()`), plainRole},
		{"all but the key", revokeAll + `grant select(uid) on adv.t to authenticated; ` + using(`uid = auth.uid()`), plainRole},
		{"no schema usage", using(`true`) + `; revoke usage on schema adv from public`, plainRole},
		{"ctid", using(`ctid is not null and id = 2`), plainRole},
		{"xmin", using(`xmin::text::bigint > 0 and id = 2`), plainRole},
		{"tableoid", using(`tableoid = 'adv.t'::regclass`), plainRole},
		{"whole row", using(`(t.*)::text like '%hello%'`), plainRole},
		{"whole row as JSON", using(`to_jsonb(t)->>'txt' = 'hello'`), plainRole},
		{"nondeterministic collation", using(`ci = (auth.jwt()->>'name')`), plainRole},
		{"bpchar padding", using(`bp = 'ab'`), plainRole},
		{"bpchar to text", using(`bp::text = (auth.jwt()->>'name')`), plainRole},
		{"numeric scale", using(`num = 1.0`), plainRole},
		{"float NaN", using(`fl = 'NaN'::float8`), plainRole},
		{"float minus zero", using(`fl = 0`), plainRole},
		{"timestamptz", using(`ts > '2020-01-01'::timestamptz`), plainRole},
		{"time zone", using(`ts::date = '2021-01-01'`), plainRole},
		{"generated column", using(`gen = 2`), plainRole},
		{"array any", using(`auth.uid() = any(uids)`), plainRole},
		{"array of the claims", using(`tags && (select array_agg(value) from jsonb_array_elements_text(auth.jwt()->'tags'))`), plainRole},
		{"error that the key alone hides", using(`id > 1`) + `; create policy q on adv.t for select using (own = any(tags) or exists (select 1 from jsonb_array_elements_text(auth.jwt()->'sub') x where x = t.own))`, plainRole},
		{"case", using(`case when room is null then auth.uid() is null else uid = coalesce(auth.uid(), uid) end`), plainRole},
		{"is not distinct", using(`uid is not distinct from auth.uid()`), plainRole},
		{"text of the uuid", using(`uid::text = (auth.jwt()->>'sub')`), plainRole},
		{"state in a setting", using(`adv.leak_state(id)`), plainRole},
		{"state in plain SQL", using(`coalesce(current_setting('adv.y', true), '') = '' and set_config('adv.y', id::text, true) <> ''`), plainRole},
		{"state behind a stable function", using(`adv.stable_state(id)`), plainRole},
		{"sequence", using(`nextval('adv.sq') > 0`), plainRole},
		{"policy sets the role", using(`adv.become_owner(id)`), threeRoles},
		{"policy sets claims", using(`adv.forge(id)`), plainRole},
		{"policy raises our own mark", using(`adv.raise_mark(id)`), plainRole},
		{"random", using(`random() >= 0`), plainRole},
		{"now", using(`ts < now()`), plainRole},
		{"domain", using(`dom = 'x'`), plainRole},
		{"row_security_active", using(`row_security_active('adv.t')`), plainRole},
		{"operator of its own", using(`uid operator(adv.=) auth.uid()`), plainRole},
		{"search_path in a body", using(`adv.by_path(id)`), plainRole},
		{"lateral function", using(`exists (select 1 from jsonb_array_elements_text(auth.jwt()->'tags') x where x = any(t.tags))`), plainRole},
	}
)

// claimsCases are texts of claims; "" is none at all.
var claimsCases = []string{
	`{"sub":"` + userA + `","role":"authenticated","name":"AB","email":"a@x","app_metadata":{"rooms":[1]},"tags":["x"]}`,
	`{"sub":"` + strings.ToUpper(userB) + `","role":"authenticated","name":"ab","tags":[]}`,
	`{"role":"authenticated"}`,
	`{"sub":null,"role":"authenticated"}`,
	`{"sub":"not-a-uuid","role":"authenticated"}`,
	`{"sub":"","role":"authenticated"}`,
	`{"sub":"` + userA + `","sub":"` + userB + `","role":"authenticated","name":"ab        "}`,
	`{"sub":{"a":1},"role":"authenticated","email":"` + userA + `"}`,
	`{"sub":"{` + userB + `}","role":"authenticated","email":"` + userB + `"}`,
	`{"request.jwt.claim.sub":"` + userA + `","user_metadata":{"x":"` + strings.Repeat("y", 2000) + `"},"role":"anon"}`,
	``,
}

// advRoles are as whom they are asked. They belong to the whole server, so they are made once.
var advRoles = []string{
	`create role r_owner nologin; create role r_team nologin; create role "r Weird-""Role" nologin; create role r_super nologin superuser`,
	`create role r_member nologin; create role r_member_ni nologin noinherit; grant r_team to r_member, r_member_ni`,
}

var madeRoles sync.Once

// newAdv is a rig with advObjects.
func newAdv(t testing.TB) *rig {
	t.Helper()
	madeRoles.Do(func() { pgtest.Exec(t, pgtest.DB(t), advRoles...) })
	return newRig(t, advObjects...)
}

// advObjects are what the policies use.
var advObjects = []string{
	`create schema adv; grant usage on schema adv, auth to public; grant create on schema adv to r_owner, r_team`,
	`create collation adv.ci (provider = icu, locale = 'und-u-ks-level2', deterministic = false)`,
	`create domain adv.d as text check (value <> 'bad')`,
	`create table adv.m (room int, user_id uuid); insert into adv.m values (1, '` + userA + `'), (2, '` + userB + `'); grant select on adv.m to public`,
	`create table adv.secret (user_id uuid); insert into adv.secret values ('` + userA + `')`,
	`create view adv.rooms_view as select room from adv.m where user_id = auth.uid(); grant select on adv.rooms_view to public`,
	`create function adv.secdef_ok() returns boolean language sql stable security definer as $$ select exists(select 1 from adv.secret where user_id = auth.uid()) $$`,
	`create function adv.secinv_secret() returns boolean language sql stable as $$ select exists(select 1 from adv.secret where user_id = auth.uid()) $$`,
	`create function adv.who() returns text language sql stable as $$ select current_user::text $$`,
	`create function adv.who_sd() returns text language sql stable security definer as $$ select current_user::text $$`,
	`create sequence adv.sq; grant usage on sequence adv.sq to public`,
	`create function adv.leak_state(v int) returns boolean language plpgsql volatile as $$ declare p text; begin p := current_setting('adv.seen', true); perform set_config('adv.seen', coalesce(p,'')||v||',', true); return coalesce(p,'') = ''; end $$`,
	`create function adv.stable_state(v int) returns boolean language plpgsql stable as $$ begin return adv.leak_state(v); end $$`,
	`create function adv.immutable_lie() returns uuid language sql immutable as $$ select auth.uid() $$`,
	`create function adv.plpg_imm() returns uuid language plpgsql immutable as $$ begin return auth.uid(); end $$`,
	`create function adv.sql_over_lie() returns uuid language sql stable as $$ select adv.immutable_lie() $$`,
	`create function adv.plpg_over_lie() returns uuid language plpgsql stable as $$ begin return adv.plpg_imm(); end $$`,
	`create function adv.plpg_room(r int) returns boolean language plpgsql stable as $$ begin return exists (select 1 from adv.m where room = r); end $$`,
	`create function adv.noexec() returns boolean language sql as $$ select true $$; revoke execute on function adv.noexec() from public`,
	`create function adv.in_rooms() returns setof int language sql stable security definer as $$ select room from adv.m where user_id = auth.uid() $$`,
	`create function adv.become_owner(v int) returns boolean language plpgsql stable as $$ begin if v = 1 then perform set_config('role', 'none', false); end if; return v > 1 and current_user = 'authenticated'; end $$`,
	`create function adv.forge(v int) returns boolean language plpgsql stable as $$ begin perform set_config('request.jwt.claims', '{"sub":"` + userA + `"}', false); return auth.uid() = '` + userA + `' and v = 2; end $$`,
	`create function adv.raise_mark(v int) returns boolean language plpgsql stable as $$ begin if v = 2 then raise exception 'x' using errcode = 'RT000'; end if; return true; end $$`,
	`create function adv.eq(a uuid, b uuid) returns boolean language sql stable as $$ select a is not null and b is null $$; create operator adv.= (leftarg = uuid, rightarg = uuid, function = adv.eq)`,
	`create function adv.by_path(v int) returns boolean language plpgsql stable as $$ begin return v = (select count(*) from marker) + 1; end $$`,
}
