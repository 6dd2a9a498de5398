package changes

import (
	"bytes"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"realtime/tests/leaks"
)

// TestSlowTableIsNamedOnce in the log, with what keeps it slow and the remedy.
func TestSlowTableIsNamedOnce(t *testing.T) {
	t.Parallel()
	r := newDocs(t, "create function public.mine(o uuid) returns bool language sql stable security definer as $$ select o = auth.uid() $$",
		"alter policy own on public.docs using (public.mine(owner))")
	var log bytes.Buffer
	r.mu.Lock()
	r.engine.o.Log = slog.New(slog.NewTextHandler(leaks.Watch(t, &log), nil)) // the Engine is idle
	clear(r.engine.named)
	r.mu.Unlock()
	r.subscribe("C", authenticated, claimsOf(userA), allOfDocs)
	r.exec("alter table public.docs add column more int", "insert into public.docs values (1, '"+userA+"')")
	r.settle()
	r.expect("A", `INSERT {"id":1,"owner":"`+userA+`","body":null,"more":null}`)
	text := log.String()
	if strings.Count(text, "slow to check") != 1 || !strings.Contains(text, "public.mine") || !strings.Contains(text, "tier=T3") || !strings.Contains(text, "exists (select 1 from") {
		t.Errorf("got the log\n%s", text)
	}
}

// TestOldImageIsShownToWhoMaySeeIt, and its key alone to the others.
func TestOldImageIsShownToWhoMaySeeIt(t *testing.T) {
	t.Parallel()
	r := newDocs(t, "alter table public.docs replica identity full", "alter policy own on public.docs using (owner = auth.uid() or body = 'open')")
	r.exec("insert into public.docs values (1, '"+userA+"', 'closed')", "update public.docs set body = 'open'", "update public.docs set owner = '"+userB+"'",
		"update public.docs set body = 'shut'")
	r.settle()
	row := func(owner, body string) string { return fmt.Sprintf(`{"id":1,"owner":"%s","body":"%s"}`, owner, body) }
	r.expect("A", "INSERT "+row(userA, "closed"), "UPDATE "+row(userA, "open")+" was "+row(userA, "closed"), "UPDATE "+row(userB, "open")+" was "+row(userA, "open"))
	r.expect("B", "UPDATE "+row(userA, "open")+` was {"id":1}`, "UPDATE "+row(userB, "open")+" was "+row(userA, "open"), "UPDATE "+row(userB, "shut")+" was "+row(userB, "open"))
}

// TestFiltersOnOneValueCostTheOthersNothing: eq and in are found by the value, whatever their spelling.
func TestFiltersOnOneValueCostTheOthersNothing(t *testing.T) {
	t.Parallel()
	r := newDocs(t)
	var many []string
	for i := range 100 {
		many = append(many, fmt.Sprint(i+1000))
	}
	r.subscribe("in", authenticated, claimsOf(userA), `{"schema":"public","table":"docs","filter":"id=in.(1, 01,+2,7)"}`)
	r.subscribe("hundred", authenticated, claimsOf(userA), `{"schema":"public","table":"docs","filter":"id=in.(`+strings.Join(many, ",")+`)"}`)
	r.subscribe("eq", authenticated, claimsOf(userA), `{"schema":"public","table":"docs","filter":"owner=eq.`+strings.ToUpper(userA)+`,id=in.(2,3)"}`)
	r.mu.Lock()
	r.peek = func(e *Engine) {
		for _, member := range []string{"in", "hundred", "eq"} {
			if en := e.subscribers[member].entries[0]; en.rest != nil {
				t.Errorf("%s: Postgres is to be asked about %v", member, en.rest.conditions)
			}
		}
	}
	r.mu.Unlock()
	r.exec("insert into public.docs select g, '" + userA + "'::uuid from generate_series(1, 4) g union all select 1050, '" + userA + "' union all select 7, '" + userB + "'")
	r.settle()
	for member, want := range map[string][]int{"in": {1, 2}, "hundred": {1050}, "eq": {2, 3}} {
		var got []int
		for _, row := range r.take(member) {
			got = append(got, int(row.object(t)["record"].(map[string]any)["id"].(float64)))
		}
		if slices.Sort(got); !slices.Equal(got, want) {
			t.Errorf("%s: got %v, want %v", member, got, want)
		}
	}
	if a := r.ask("x", authenticated, "{}", `{"schema":"public","table":"docs","filter":"id=in.(1`+strings.Repeat(",1", 100)+`)"}`); a.Err == nil {
		t.Error("got no refusal of 101 values")
	}
}

// TestManyMaliciousFiltersAreBounded: a thousand filters of one client, whose regular expressions take for ever on a long
// value, cost the others a moment only; nothing in a filter is SQL.
func TestManyMaliciousFiltersAreBounded(t *testing.T) {
	t.Parallel()
	r := newOpen(t)
	var entries []string
	for i := range 1000 {
		entries = append(entries, fmt.Sprintf(`{"schema":"public","table":"open","filter":"v=match.^(([a-z])+.)+[A-Z]([a-z])+%d$|(x+x+)+y\\1"}`, i))
	}
	r.subscribe("bad", authenticated, "{}", entries...)
	r.subscribe("good", authenticated, "{}", `{"schema":"public","table":"open","filter":"id=gt.0"}`)
	for i, v := range []string{"'); drop table public.open; --", `"; drop table public.open; --`, "$$;drop table public.open;$$", `\'; drop table public.open; --`} {
		for _, filter := range []string{"v=eq." + v, "v=in.(" + v + ")", "v=like." + v, v + "=eq.1"} {
			_ = r.ask(fmt.Sprint("sql", i, filter), authenticated, "{}", fmt.Sprintf(`{"schema":"public","table":"open","filter":%q}`, filter))
		}
	}
	began := time.Now()
	r.exec("insert into public.open values (1, repeat('x', 5000))")
	r.settle()
	if got := r.take("good"); len(got) != 1 {
		t.Errorf("got %d rows", len(got))
	}
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("one row took %s", took)
	}
}

// TestRowsOfSeveralKeysAreReadAgain, each with its own: the keys of one transaction are all pairs of their parts, so rows
// that nobody asked about are found as well.
func TestRowsOfSeveralKeysAreReadAgain(t *testing.T) {
	t.Parallel()
	r := newRig(t, `create table public.pairs (a numeric, "b, c" text, owner uuid, primary key (a, "b, c"))`, "alter table public.pairs enable row level security",
		`revoke select on public.pairs from authenticated; grant select (a, "b, c", owner) on public.pairs to authenticated`, // else rows are read by their place
		"alter publication supabase_realtime add table public.pairs",
		"create function public.me() returns uuid language plpgsql stable as $$ begin return auth.uid(); end $$",
		"create policy own on public.pairs using (owner = public.me())")
	pairs := `{"event":"*","schema":"public","table":"pairs"}`
	r.subscribe("A", authenticated, claimsOf(userA), pairs)
	r.subscribe("B", authenticated, claimsOf(userB), pairs)
	r.exec("insert into public.pairs values (1.50, 'x, \"', '" + userA + "'), (2, 'y', '" + userA + "'), (1.50, 'y', '" + userB + "'); insert into public.pairs values (2, 'x, \"', '" + userB + "')")
	r.settle()
	row := func(a, b, owner string) string {
		return fmt.Sprintf(`INSERT {"a":%s,"b, c":%s,"owner":"%s"}`, a, b, owner)
	}
	r.expect("A", row("1.50", `"x, \""`, userA), row("2", `"y"`, userA))
	r.expect("B", row("1.50", `"y"`, userB), row("2", `"x, \""`, userB))
}
