package changes

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"realtime/postgres/pgtest"
)

func TestOneSubscribersErrorCostsTheOthersNothing(t *testing.T) {
	t.Parallel()
	r := newRig(t, "create table public.n (id int primary key, n int, owner uuid)", "alter table public.n enable row level security",
		"create policy p on public.n for select using (owner = (auth.jwt()->>'owner')::uuid and 10 / n > 0)",
		"alter publication supabase_realtime add table public.n")
	r.subscribe("good", authenticated, `{"owner":"`+userA+`"}`, `{"schema":"public","table":"n"}`)
	r.subscribe("bad", authenticated, `{"owner":"nonsense"}`, `{"schema":"public","table":"n"}`)
	r.exec("insert into public.n values (1, 1, '"+userA+"'), (2, 0, '"+userA+"'), (3, 3, '"+userA+"')", "insert into public.n values (4, 1, '"+userB+"')")
	r.settle()
	r.expect("good", `INSERT {"id":1,"n":1,"owner":"`+userA+`"}`, `INSERT {"id":3,"n":3,"owner":"`+userA+`"}`)
	r.expect("bad")
	for member, state := range map[string]string{"good": "22012", "bad": "22P02"} {
		got := r.noticesOf(member)
		if len(got) != 1 || !strings.Contains(got[0], state) || !strings.Contains(got[0], `"public"."n"`) {
			t.Errorf("%s was told %q, want one notice with %s", member, got, state)
		}
		if strings.Contains(strings.Join(got, ""), "nonsense") {
			t.Errorf("%s was told a value: %q", member, got)
		}
	}
	if s := r.engine.Stats(); s.Failures == 0 || s.Deliveries < 2 {
		t.Errorf("got %+v", s)
	}
}

// TestSlowClaimsAreDeniedAndTheOthersServed: a policy that takes for ever for one user.
func TestSlowClaimsAreDeniedAndTheOthersServed(t *testing.T) {
	for _, volatility := range []string{"stable", "volatile"} {
		t.Run(volatility, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, "create table public.s (id int primary key)", "alter table public.s enable row level security",
				"create function public.slow() returns bool language plpgsql "+volatility+" as $$ begin if auth.uid() = '"+userB+"' then perform pg_sleep(60); end if; return true; end $$",
				"create policy p on public.s for select using (public.slow())", "alter publication supabase_realtime add table public.s")
			for i := range 5 {
				r.subscribe(fmt.Sprint("quick", i), authenticated, `{"sub":"`+userA+`","n":`+fmt.Sprint(i)+`}`, `{"schema":"public","table":"s"}`)
			}
			r.subscribe("slow", authenticated, claimsOf(userB), `{"schema":"public","table":"s"}`)
			r.exec("insert into public.s values (1), (2), (3), (4)")
			r.settle()
			for i := range 5 {
				r.expect(fmt.Sprint("quick", i), `INSERT {"id":1}`, `INSERT {"id":2}`, `INSERT {"id":3}`, `INSERT {"id":4}`)
			}
			r.expect("slow")
			if got := r.noticesOf("slow"); len(got) != 1 || !strings.Contains(got[0], "57014") {
				t.Errorf("got %q, want one notice about time", got)
			}
			closed, before := time.Now(), r.engine.Stats().Quarantined
			r.exec("insert into public.s values (5), (6), (7)")
			r.settle()
			r.expect("quick0", `INSERT {"id":5}`, `INSERT {"id":6}`, `INSERT {"id":7}`)
			if now := r.engine.Stats().Quarantined; before == 0 || now != before && time.Since(closed) < quarantineTime/2 {
				t.Errorf("the slow claims were quarantined %d times, and %d times after more rows: they were asked again", before, now)
			}
		})
	}
}

func TestFilterThatCannotBeEvaluatedIsToldAndDenied(t *testing.T) {
	t.Parallel()
	r := newRig(t, "create table public.f (id int primary key, j json, x text)", "alter publication supabase_realtime add table public.f")
	r.subscribe("json", authenticated, `{}`, `{"schema":"public","table":"f","filter":"j=eq.1"}`)
	r.subscribe("escape", authenticated, `{}`, `{"schema":"public","table":"f","filter":"x=like.a\\"}`)
	r.subscribe("fine", authenticated, `{}`, `{"schema":"public","table":"f","filter":"x=ilike.A%"}`)
	r.exec(`insert into public.f values (1, '1', 'abc'), (2, '2', 'b')`)
	r.settle()
	r.expect("json")
	r.expect("escape")
	r.expect("fine", `INSERT {"id":1,"j":1,"x":"abc"}`)
	for member, state := range map[string]string{"json": "42883", "escape": "22025"} {
		if got := r.noticesOf(member); len(got) != 1 || !strings.Contains(got[0], state) || !strings.Contains(got[0], "filter") {
			t.Errorf("%s was told %q, want one notice with %s", member, got, state)
		}
	}
	r.exec(`insert into public.f values (3, '1', 'ax')`)
	r.settle()
	r.expect("fine", `INSERT {"id":3,"j":1,"x":"ax"}`)
	if got := r.noticesOf("json"); len(got) != 1 {
		t.Errorf("got %q: members are not told again at once", got)
	}
}

func TestRoleThatIsDroppedIsDenied(t *testing.T) {
	t.Parallel()
	role := pgtest.Name(t)
	r := newRig(t, "create table public.d (id int primary key)", "grant select on public.d to public", "alter publication supabase_realtime add table public.d", "create role "+role)
	r.subscribe("x", role, `{}`, `{"schema":"public","table":"d"}`)
	r.subscribe("y", authenticated, `{}`, `{"schema":"public","table":"d"}`)
	r.exec("insert into public.d values (1)")
	r.settle()
	r.expect("x", `INSERT {"id":1}`)
	r.exec("drop role "+role, "insert into public.d values (2)")
	r.settle()
	r.expect("x")
	r.expect("y", `INSERT {"id":1}`, `INSERT {"id":2}`)
	if got := r.noticesOf("x"); len(got) != 1 || !strings.Contains(got[0], "does not exist") {
		t.Errorf("got %q, want one notice that the role is gone", got)
	}
}

func TestRoleNoneIsNotTheServer(t *testing.T) {
	t.Parallel()
	r := newDocs(t)
	for _, role := range []string{"none", "public", "", "ghost"} {
		if a := r.ask("x", role, "{}", allOfDocs); a.Err == nil || a.Retry {
			t.Errorf("role %q: got %+v, want a refusal", role, a)
		}
	}
}

// TestLockHeldByAMigrationDelaysAndDeniesNobody: rows wait for the lock instead of being lost.
func TestLockHeldByAMigrationDelaysAndDeniesNobody(t *testing.T) {
	t.Parallel()
	r := newDocs(t)
	release := r.hold()
	r.exec("insert into public.docs values (1, '" + userA + "', 'x')")
	blocker := pgtest.Conn(t, r.s)
	if _, err := blocker.Exec(t.Context(), "begin; lock table public.docs in access exclusive mode"); err != nil {
		t.Fatal(err)
	}
	release()
	r.exec(fmt.Sprintf("select pg_sleep(%d)", (lockLimit+2*time.Second)/time.Second)) // longer than it waits for a lock
	if _, err := blocker.Exec(t.Context(), "commit"); err != nil {
		t.Fatal(err)
	}
	r.settle()
	r.expect("A", `INSERT {"id":1,"owner":"`+userA+`","body":"x"}`)
	r.expect("B")
	if got := r.noticesOf("A"); len(got) != 0 {
		t.Errorf("A was told %q", got)
	}
}

// TestPoliciesLeaveNothingBehind: whatever a policy sets is gone for the next claims, and for the Engine.
func TestPoliciesLeaveNothingBehind(t *testing.T) {
	t.Parallel()
	r := newRig(t, "create table public.p (id int primary key)", "alter table public.p enable row level security", "create table public.log (who text)",
		"grant insert on public.log to authenticated", "create sequence public.seq", "grant usage on public.seq to authenticated",
		`create function public.nasty() returns bool language plpgsql volatile as $$ begin
			if coalesce(current_setting('x.seen', true), '') <> '' then raise exception 'seen'; end if;
			perform set_config('x.seen', auth.uid()::text, false), set_config('search_path', 'nowhere', false), set_config('timezone', 'Asia/Tokyo', false),
				set_config('request.jwt.claims', '{"sub":"`+userB+`"}', false), set_config('row_security', 'off', false);
			insert into public.log values (current_user); perform nextval('public.seq');
			perform set_config('role', 'none', false);
			return true;
		end $$`,
		"create policy p on public.p for select using (public.nasty())", "alter publication supabase_realtime add table public.p")
	for i := range 3 {
		r.subscribe(i, authenticated, fmt.Sprintf(`{"sub":"%s","n":%d}`, userA, i), `{"schema":"public","table":"p"}`)
	}
	for id := range 3 {
		r.exec(fmt.Sprintf("insert into public.p values (%d)", id))
	}
	r.settle()
	for i := range 3 {
		r.expect(i, `INSERT {"id":0}`, `INSERT {"id":1}`, `INSERT {"id":2}`)
	}
	var logged int
	if err := pgtest.Conn(t, r.s).QueryRow(t.Context(), "select count(*) from public.log").Scan(&logged); err != nil || logged != 0 {
		t.Errorf("got %d rows written by a policy, %v; want none", logged, err)
	}
}
