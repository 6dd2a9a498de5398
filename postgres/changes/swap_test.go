package changes

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"realtime/postgres/pgtest"
)

// swap is one change of the policies of public.docs, and who may see a row from then on.
type swap struct {
	sql    string
	allows func(user, owner string) bool
}

func ownOnly(user, owner string) bool { return user == owner }
func everyone(string, string) bool    { return true }
func nobody(string, string) bool      { return false }
func ownerless(_, owner string) bool  { return owner == "" }

// swaps follow each other round and round. The first is what newDocs begins with.
var swaps = []swap{
	{"select 1", ownOnly},
	{"alter policy own on public.docs using (true)", everyone},
	{"drop policy own on public.docs", nobody},
	{"create policy own on public.docs for select using (public.mine(owner))", ownOnly},
	{"create or replace function public.mine(o uuid) returns bool language sql stable as $$ select o is null $$", ownerless},
	{"create policy no on public.docs as restrictive for select using (owner is not null)", nobody},
	{"drop policy no on public.docs; drop policy own on public.docs; alter table public.docs disable row level security", everyone},
	{"alter table public.docs enable row level security; create policy own on public.docs for select using (exists (select from public.seats where who = owner and who = auth.uid()))", ownOnly},
	{"delete from public.seats", nobody},
	{"revoke select on public.docs from authenticated, public; alter policy own on public.docs using (true)", nobody},
	{`drop policy own on public.docs; create policy own on public.docs for select to authenticated using (owner = auth.uid()); grant select on public.docs to authenticated;
		insert into public.seats values ('` + userA + `'), ('` + userB + `'); create or replace function public.mine(o uuid) returns bool language sql stable as $$ select o = auth.uid() $$`, ownOnly},
}

// swapped is who got a row, by its id, and which swap may have been in force at the latest when it was handed over.
type swapped struct {
	mu   sync.Mutex
	got  map[string]map[int]bool
	last map[int]int
}

// TestPoliciesChangeWhileRowsFlow: each row says which policies were in force when it was committed. A member gets it only if
// they, or some that came before it was handed over, allow it; and does get it if all of those do.
func TestPoliciesChangeWhileRowsFlow(t *testing.T) {
	t.Parallel()
	r := newDocs(t, "alter table public.docs add column swap int", "create table public.swap (n int); insert into public.swap values (0)", "create table public.seats (who uuid)",
		"insert into public.seats values ('"+userA+"'), ('"+userB+"'); grant select on public.seats to authenticated",
		"create function public.mine(o uuid) returns bool language sql stable as $$ select o = auth.uid() $$")
	r.subscribe("all", "service_role", "{}", allOfDocs)
	var latest atomic.Int64
	seen := swapped{got: map[string]map[int]bool{"A": {}, "B": {}, "all": {}}, last: map[int]int{}}
	r.mu.Lock()
	r.engine.o.Deliver = func(group any, rows []Delivery) { // the Engine is idle
		seen.note(t, rows, int(latest.Load()))
		r.deliver(group, rows)
	}
	r.mu.Unlock()
	const rounds, between = 1, 8
	ctx, stop := context.WithCancel(t.Context())
	var written atomic.Int64
	var writer sync.WaitGroup
	writer.Go(func() { // ends with ctx
		conn := pgtest.Conn(t, r.s)
		for n := 1; ctx.Err() == nil; n++ {
			owner := []string{"'" + userA + "'", "'" + userB + "'", "null"}[n%3]
			if _, err := conn.Exec(context.WithoutCancel(ctx), fmt.Sprintf("insert into public.docs select %d, %s, '', (select max(n) from public.swap)", n, owner)); err != nil {
				t.Errorf("insert: %v", err)
				return
			}
			written.Store(int64(n))
		}
	})
	for n := 1; n <= rounds*len(swaps); n++ {
		next := int(written.Load()) + between // some of these are on their way when the policies change, and some are not
		r.until("rows under these policies", func() bool { return seen.has(next-between/2) && int(written.Load()) >= next || t.Failed() })
		latest.Store(int64(n))
		r.exec(fmt.Sprintf("begin; lock table public.docs in access exclusive mode; %s; update public.swap set n = %d; commit", swaps[n%len(swaps)].sql, n))
	}
	stop()
	writer.Wait()
	r.settle()
	seen.judge(t, r, int(written.Load()))
}

// note keeps who gets which rows.
func (s *swapped) note(t *testing.T, rows []Delivery, latest int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, d := range rows {
		data := received{Data: d.Data}.object(t)
		record, _ := data["record"].(map[string]any)
		if data["table"] != "docs" || record["id"] == nil { // Error 401 has no columns
			continue
		}
		id := int(record["id"].(float64))
		s.last[id] = latest
		for _, to := range d.To {
			s.got[to.Member.(string)][id] = true
		}
	}
}

// has reports whether row id was handed over.
func (s *swapped) has(id int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.got["all"][id]
}

func (s *swapped) judge(t *testing.T, r *rig, written int) {
	t.Helper()
	rows, err := r.conn.Query(t.Context(), "select id, coalesce(owner::text, ''), swap from public.docs")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	checked, sure, shown := 0, 0, 0
	for rows.Next() {
		var id, from int
		var owner string
		if err := rows.Scan(&id, &owner, &from); err != nil {
			t.Fatal(err)
		}
		if !s.got["all"][id] {
			t.Fatalf("row %d of %d reached nobody", id, written)
		}
		for member, user := range map[string]string{"A": userA, "B": userB} {
			some, all := false, true
			for n := from; n <= s.last[id]; n++ {
				yes := swaps[n%len(swaps)].allows(user, owner)
				some, all = some || yes, all && yes
			}
			got := s.got[member][id]
			if got && !some || !got && all {
				t.Errorf("row %d of %q reached %s: %v; committed under the policies of swap %d, handed over by swap %d", id, owner, member, got, from, s.last[id])
			}
			checked++
			if some == all {
				sure++
			}
			if got {
				shown++
			}
		}
	}
	t.Logf("%d decisions under %d swaps, of them %d to show and %d that only one answer was right for", checked, len(swaps), shown, sure)
	if rows.Err() != nil || checked != 2*written || sure < checked/2 || shown < checked/10 {
		t.Errorf("got %d decisions, %d of them sure, %d shown: nothing is tested; %v", checked, sure, shown, rows.Err())
	}
}
