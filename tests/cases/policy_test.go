package cases

import (
	"fmt"
	"strings"
	"testing"

	"realtime/postgres"
	"realtime/postgres/pgtest"
)

var policyRows = []row{
	as(127, "policies that keep all connections busy", row127),
	as(128, "no partition for today", row128),
	as(129, "policy that is cancelled", row129),
	as(242, "no policy", row242),
	as(243, "policy that raises", row243),
}

// ownTenant makes a tenant with a database of its own and policies in it.
func (h *house) ownTenant(t *testing.T, policies ...string) (id string, db postgres.Settings) {
	t.Helper()
	db = pgtest.DB(t)
	prepare(t, db)
	pgtest.Exec(t, db, policies...)
	return h.tenantOn(t, db, ""), db
}

const private = `{"config":{"private":true}}`

// row127: two joins wait for a policy on the two connections of the pool; the third is refused while they do.
func row127(t *testing.T, h *house) {
	id, db := h.ownTenant(t, `create policy slow on realtime.messages for all to anon using (pg_sleep(60) is null) with check (pg_sleep(60) is null)`)
	for n := range 2 {
		h.dial(t, id).send(joinOf("1", fmt.Sprintf("realtime:busy%d", n), private))
	}
	conn := pgtest.Conn(t, db)
	eventually(t, "two joins to wait for their policies", func() bool {
		var n int
		err := conn.QueryRow(t.Context(), `select count(*) from pg_stat_activity where datname = current_database() and wait_event = 'PgSleep'`).Scan(&n)
		return err == nil && n == 2
	})
	h.dial(t, id).refused(private, "IncreaseConnectionPool: Please increase your connection pool size")
}

func row128(t *testing.T, h *house) {
	id, db := h.ownTenant(t, `create policy p on realtime.messages for all to anon using (true) with check (true)`)
	s := h.dial(t, id)
	s.join("realtime:a", `{"private":true}`) // the partitions are made when the database is opened
	pgtest.Exec(t, db, `do $$ declare p regclass; begin
		for p in select inhrelid::regclass from pg_inherits where inhparent = 'realtime.messages'::regclass loop
			execute 'drop table ' || p;
		end loop; end $$`)
	s.refusedAs("realtime:b", private, "MissingPartition: Realtime was unable to find the expected messages partition")
}

func row129(t *testing.T, h *house) {
	id, db := h.ownTenant(t, `create policy slow on realtime.messages for select to anon using (pg_sleep(60) is null)`)
	pgtest.Exec(t, db, `do $$ begin execute format('alter database %I set statement_timeout = ''200ms''', current_database()); end $$`)
	s := h.dial(t, id)
	s.send(joinOf("1", "realtime:a", private))
	if got := s.next(); !strings.HasPrefix(got, `["1","1","realtime:a","phx_reply",{"status":"error","response":{"reason":"QueryCanceled: `) {
		t.Errorf("got %s", got)
	}
	h.wantLogged(t, id, "QueryCanceled")
}

func row242(t *testing.T, h *house) {
	id := h.tenant(t, "")
	s := h.dial(t, id)
	s.refused(private, unauthorized)
	h.wantLogged(t, id, `and they say no`)
	s.send(`["1","2","realtime:a","broadcast",{}]`)
	s.want(`[null,"2","realtime:a","phx_reply",` + unmatched + `]`)
}

func row243(t *testing.T, h *house) {
	id, _ := h.ownTenant(t, `create policy bad on realtime.messages for select to anon using (1/0 = 1)`)
	s := h.dial(t, id)
	s.refused(private, unauthorized)
	h.wantLogged(t, id, "RlsPolicyError")
}
