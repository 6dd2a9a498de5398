package changes

import (
	"fmt"
	"strings"
	"testing"

	"realtime/postgres/pgtest"
)

// claimsOf is a token of a user.
func claimsOf(user string) string { return `{"sub":"` + user + `","role":"authenticated"}` }

// docs is a table whose rows belong to users.
var docs = []string{
	"create table public.docs (id int primary key, owner uuid, body text)",
	"alter table public.docs enable row level security",
	"create policy own on public.docs for select to authenticated using (owner = auth.uid())",
	"alter publication supabase_realtime add table public.docs",
}

const allOfDocs = `{"event":"*","schema":"public","table":"docs"}`

func newDocs(t *testing.T, more ...string) *rig {
	t.Helper()
	r := newRig(t, append(append([]string(nil), docs...), more...)...)
	r.subscribe("A", authenticated, claimsOf(userA), allOfDocs)
	r.subscribe("B", authenticated, claimsOf(userB), allOfDocs)
	return r
}

func TestReownedRowNeverShowsItsOldImage(t *testing.T) {
	r := newDocs(t, "alter table public.docs replica identity full")
	release := r.hold()
	r.exec("insert into public.docs values (1, '"+userA+"', 'secret of A')", "update public.docs set owner = '"+userB+"', body = 'gift' where id = 1")
	release()
	r.settle()
	r.expect("A", `INSERT {"id":1,"owner":"`+userA+`","body":"secret of A"}`)
	r.expect("B", `UPDATE {"id":1,"owner":"`+userB+`","body":"gift"} was {"id":1}`)
	r.exec("update public.docs set body = 'more' where id = 1")
	r.settle()
	r.expect("A")
	r.expect("B", `UPDATE {"id":1,"owner":"`+userB+`","body":"more"} was {"id":1,"owner":"`+userB+`","body":"gift"}`)
}

func TestInsertThatIsGoneIsDecidedByItsImage(t *testing.T) {
	r := newDocs(t)
	r.exec("begin; insert into public.docs values (1, '" + userA + "', 'x'); delete from public.docs where id = 1; commit")
	r.settle()
	r.expect("A", `INSERT {"id":1,"owner":"`+userA+`","body":"x"}`, `DELETE was {"id":1}`)
	r.expect("B", `DELETE was {"id":1}`)
}

// TestWhatASavepointTookBackNeverWas: neither rows, nor what policies look at.
func TestWhatASavepointTookBackNeverWas(t *testing.T) {
	t.Parallel()
	r := newDocs(t, "alter table public.docs replica identity full", "create table public.seats (who uuid); grant select on public.seats to authenticated",
		"create policy seated on public.docs for select using (exists (select from public.seats s where s.who = auth.uid() and body = 'seated'))")
	row := func(id int, owner, body string) string {
		return fmt.Sprintf("insert into public.docs values (%d, '%s', '%s')", id, owner, body)
	}
	r.exec("begin; " + strings.Join([]string{
		row(1, userA, "kept"), "savepoint a", row(2, userA, "taken back"), "update public.docs set owner = '" + userB + "' where id = 1", "savepoint b", row(3, userA, "inside"),
		"release b", "rollback to a", row(2, userB, "again"), "savepoint c", row(4, userA, "released"), "release c",
		"savepoint d", "insert into public.seats values ('" + userB + "')", "alter policy own on public.docs using (true)", "rollback to d", row(5, userA, "seated"),
		"savepoint e", "delete from public.docs where id = 1", "rollback to e", "update public.docs set body = 'changed' where id = 1",
	}, "; ") + "; commit")
	r.settle()
	is := func(id int, owner, body string) string {
		return fmt.Sprintf(`{"id":%d,"owner":"%s","body":"%s"}`, id, owner, body)
	}
	r.expect("A", "INSERT "+is(1, userA, "kept"), "INSERT "+is(4, userA, "released"), "INSERT "+is(5, userA, "seated"),
		"UPDATE "+is(1, userA, "changed")+" was "+is(1, userA, "kept"))
	r.expect("B", "INSERT "+is(2, userB, "again"))
	r.exec("begin; savepoint a; insert into public.seats values ('" + userB + "'); release a; " + row(6, userA, "seated") + "; commit")
	r.settle()
	r.expect("B", "INSERT "+is(6, userA, "seated"))
}

func TestKeyThatIsUsedAgainIsAnotherRow(t *testing.T) {
	r := newDocs(t)
	release := r.hold()
	r.exec("insert into public.docs values (1, '"+userA+"', 'of A')", "delete from public.docs where id = 1", "insert into public.docs values (1, '"+userB+"', 'of B')")
	release()
	r.settle()
	r.expect("A", `INSERT {"id":1,"owner":"`+userA+`","body":"of A"}`, `DELETE was {"id":1}`)
	r.expect("B", `DELETE was {"id":1}`, `INSERT {"id":1,"owner":"`+userB+`","body":"of B"}`)
}

func TestWhatChangedBetweenCommitAndCheckCounts(t *testing.T) {
	const row = `INSERT {"id":1,"owner":"` + userA + `","body":"x"}`
	insert := "insert into public.docs values (1, '" + userA + "', 'x')"
	for _, c := range []struct {
		name, sql string
		a, b      []string
	}{
		{"policy dropped", "drop policy own on public.docs", nil, nil},
		{"policy opened", "create policy all_of_it on public.docs for select using (true)", []string{row}, []string{row}},
		{"restrictive policy", "create policy no on public.docs as restrictive for select using (body <> 'x')", nil, nil},
		{"row security off", "alter table public.docs disable row level security", []string{row}, []string{row}},
		{"privilege revoked", "revoke select on public.docs from authenticated", []string{"INSERT {} was {} Error 401: Unauthorized"}, []string{"INSERT {} was {} Error 401: Unauthorized"}},
		{"column revoked", "revoke select on public.docs from authenticated; grant select (id, owner) on public.docs to authenticated", []string{`INSERT {"id":1,"owner":"` + userA + `"}`}, nil},
		{"schema closed", "revoke usage on schema public from authenticated, public", []string{"INSERT {} was {} Error 401: Unauthorized"}, []string{"INSERT {} was {} Error 401: Unauthorized"}},
		{"uid redefined", "create or replace function auth.uid() returns uuid language sql stable as $$ select '" + userA + "'::uuid $$", []string{row}, []string{row}},
		{"role given everything", "create role {r} bypassrls; grant {r} to authenticated", []string{row}, nil},
		{"no change", "select 1", []string{row}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := newDocs(t)
			release := r.hold()
			r.exec(insert, r.withRole(c.sql))
			release()
			r.settle()
			r.expect("A", c.a...)
			r.expect("B", c.b...)
		})
		t.Run(c.name+" in the same transaction", func(t *testing.T) {
			t.Parallel()
			r := newDocs(t)
			r.exec("begin; " + insert + "; " + r.withRole(c.sql) + "; commit")
			r.settle()
			r.expect("A", c.a...)
			r.expect("B", c.b...)
		})
	}
}

// withRole gives the test a role of its own where the statements have {r}.
func (r *rig) withRole(sql string) string {
	if !strings.Contains(sql, "{r}") {
		return sql
	}
	role := pgtest.Name(r.t)
	r.t.Cleanup(func() { r.exec("drop role if exists " + role) })
	return strings.ReplaceAll(sql, "{r}", role)
}

func TestMembershipIsAsOfNow(t *testing.T) {
	r := newRig(t, "create table public.members (room int, who uuid)", "create table public.msgs (id int primary key, room int)",
		"insert into public.members values (1, '"+userA+"'), (1, '"+userB+"')", "grant select on public.members to authenticated",
		"alter table public.msgs enable row level security",
		"create policy p on public.msgs for select using (exists (select from public.members m where m.room = msgs.room and m.who = auth.uid()))",
		"alter publication supabase_realtime add table public.msgs")
	for member, user := range map[string]string{"A": userA, "B": userB} {
		r.subscribe(member, authenticated, claimsOf(user), `{"event":"*","schema":"public","table":"msgs"}`)
	}
	release := r.hold()
	r.exec("insert into public.msgs values (1, 1)", "delete from public.members where who = '"+userB+"'")
	release()
	r.settle()
	r.expect("A", `INSERT {"id":1,"room":1}`)
	r.expect("B")
	r.exec("begin; insert into public.members values (2, '" + userB + "'); insert into public.msgs values (2, 2); commit")
	r.settle()
	r.expect("A")
	r.expect("B", `INSERT {"id":2,"room":2}`)
}

// TestRoleCountsWithWhatItIsAMemberOf: also by way of a third role. The catalog is not read anew for roles of others, which
// may come and go all the time.
func TestRoleCountsWithWhatItIsAMemberOf(t *testing.T) {
	t.Parallel()
	who, mid, team, other := pgtest.Name(t), pgtest.Name(t), pgtest.Name(t), pgtest.Name(t)
	in := strings.NewReplacer("{who}", who, "{mid}", mid, "{team}", team, "{other}", other).Replace
	r := newRig(t, in("create role {who}; create role {mid}; create role {team}; grant usage on schema public to {who}"),
		"create table public.r (id int primary key)", "alter table public.r enable row level security", in("grant select on public.r to {who}"),
		in("create policy p on public.r for select to {team} using (true)"), "alter publication supabase_realtime add table public.r")
	t.Cleanup(func() {
		r.exec("drop table public.r", in("revoke all on schema public from {who}"), in("drop role {who}, {mid}, {team}"), in("drop role if exists {other}"))
	})
	var last *catalog // of the latest delivery
	r.mu.Lock()
	r.peek = func(e *Engine) { last = e.catalog }
	r.mu.Unlock()
	settled := func() *catalog {
		r.settle()
		r.mu.Lock()
		defer r.mu.Unlock()
		return last
	}
	r.subscribe("W", who, "{}", `{"event":"INSERT","schema":"public","table":"r"}`)
	for i, c := range []struct {
		sql        string
		seen, anew bool // the row; the catalog was read
	}{
		{"grant {mid} to {who}", false, true},
		{"grant {team} to {mid}", true, true},
		{"create role {other}; grant {other} to {team}; alter role {other} bypassrls", true, true},
		{"revoke {other} from {team}", true, true},
		{"alter role {other} nobypassrls; grant {mid} to {other}; drop role {other}; create role {other}", true, false},
		{"revoke {team} from {mid}", false, true},
		{"alter role {who} bypassrls", true, true},
		{"alter role {who} nobypassrls", false, true},
	} {
		before := settled()
		r.exec(in(c.sql), fmt.Sprintf("insert into public.r values (%d)", i))
		if anew := settled() != before; anew != c.anew {
			t.Errorf("after %q: the catalog was read anew: %v, want %v", c.sql, anew, c.anew)
		}
		if got := len(r.take("W")) > 0; got != c.seen {
			t.Errorf("after %q: the row came: %v, want %v", c.sql, got, c.seen)
		}
	}
}

// TestRowIsNotDecidedBeforeItIsVisible: with a synchronous standby that does not answer, a commit is streamed long
// before anybody sees it.
func TestRowIsNotDecidedBeforeItIsVisible(t *testing.T) {
	r := newDocs(t, "create table public.open (id int primary key)", "alter publication supabase_realtime add table public.open")
	r.subscribe("open", authenticated, claimsOf(userA), `{"schema":"public","table":"open"}`)
	r.subscribe("anon", "anon", "{}", allOfDocs)
	r.exec("alter system set synchronous_standby_names = 'nobody'", "select pg_reload_conf()")
	restore := func() { pgtest.Exec(t, r.s, "alter system reset synchronous_standby_names", "select pg_reload_conf()") }
	t.Cleanup(restore)
	committed := make(chan struct{})
	go func() { // ends when the setting is reset
		defer close(committed)
		pgtest.Exec(t, r.s, "select pg_sleep(0.1)", fmt.Sprintf("begin; insert into public.docs values (1, '%s', 'x'); insert into public.open values (1); commit", userA))
	}()
	r.exec(`do $$ begin while not exists (select from pg_stat_activity where wait_event = 'SyncRep') loop perform pg_sleep(0.01), pg_stat_clear_snapshot(); end loop; end $$`,
		"select pg_sleep(0.7)")
	select {
	case <-committed:
		t.Fatal("the commit did not wait for a standby: nothing is tested")
	default:
	}
	r.expect("A")
	r.expect("open")
	// Whoever subscribes meanwhile is answered: nothing of the Engine stands still.
	r.subscribe("late", authenticated, claimsOf(userB), allOfDocs)
	// One that has the catalog read anew does not make the rows that wait be judged by the old one.
	t.Cleanup(func() { r.exec("alter role anon nobypassrls") })
	r.exec("set synchronous_commit = local", "alter role anon bypassrls")
	if a := r.ask("nothing", authenticated, "{}", `{"schema":"public","table":"nothing"}`); a.Err == nil {
		t.Errorf("got %+v", a)
	}
	restore()
	<-committed
	r.settle()
	r.expect("A", `INSERT {"id":1,"owner":"`+userA+`","body":"x"}`)
	r.expect("B")
	r.expect("anon", `INSERT {"id":1,"owner":"`+userA+`","body":"x"}`)
	r.expect("open", `INSERT {"id":1}`)
}
