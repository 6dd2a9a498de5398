package bench

import (
	"fmt"

	"github.com/jackc/pgx/v5"
)

// bareTable is the table without its policy. Tables that an earlier run has left are dropped.
const bareTable = `
drop table if exists public.bench_rows, public.bench_members cascade;
create table public.bench_rows (
	id bigint generated always as identity primary key,
	owner uuid not null, room int not null, shared bool not null, body text not null
);
create table public.bench_members (room int, uid uuid, primary key (uid, room));
grant select on public.bench_rows, public.bench_members to authenticated;
create or replace function public.bench_may_read(owner uuid, shared bool) returns bool language plpgsql stable as $f$
begin
	return shared or owner = auth.uid();
end
$f$;
create or replace function public.bench_me() returns uuid language plpgsql stable as $f$
begin
	return auth.uid();
end
$f$;
alter publication supabase_realtime add table public.bench_rows;
`

// policies say who may see a row. With own-row, and whenever rows are for one subscriber only, nothing is shared. Of the
// functions nothing is known: opaque calls its own for each row and claims, opaque-once once for each claims.
var policies = map[string]string{
	"uid":         `shared or owner = (select auth.uid())`,
	"own-row":     `owner = (select auth.uid())`,
	"membership":  `exists (select from public.bench_members m where m.room = bench_rows.room and m.uid = (select auth.uid()))`,
	"opaque":      `public.bench_may_read(owner, shared)`,
	"opaque-once": `shared or owner = (select public.bench_me())`,
}

// prepareTable makes the table, the policy and the memberships.
func (s *session) prepareTable(sql *pgx.Conn) error {
	statements := bareTable
	if p := policies[s.o.Policy]; p != "" {
		statements += "alter table public.bench_rows enable row level security;\n" +
			"create policy bench_read on public.bench_rows for select to authenticated using (" + p + ");\n"
	}
	if s.o.Policy == "membership" {
		room := "0"
		if s.o.alone() {
			room = "i"
		}
		statements += fmt.Sprintf("insert into public.bench_members select %s, ('00000000-0000-4000-8000-' || lpad(i::text, 12, '0'))::uuid "+
			"from generate_series(0, %d) i;\nanalyze public.bench_members;\n", room, s.o.Subscribers-1)
	}
	if _, err := sql.Exec(s.ctx, statements); err != nil {
		return fmt.Errorf("make the table public.bench_rows: %w", err)
	}
	return nil
}
