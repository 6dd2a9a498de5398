package changes

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"pgregory.net/rapid"

	"realtime/postgres/pgtest"
	"realtime/postgres/wal"
	"realtime/protocol"
)

// question is a Question about a subscription element and a row.
func question(t testing.TB, role, claims, entry string, op wal.Op, row ...ColumnValue) Question {
	t.Helper()
	return Question{Entry: entries(t, entry)[0], Role: role, Claims: claims, Op: op, Row: row}
}

// explain asks the rig's database.
func (r *rig) explain(q Question) *Explanation {
	r.t.Helper()
	a, err := Explain(context.Background(), Options{Settings: r.s, Publication: "supabase_realtime"}, q)
	if err != nil {
		r.t.Fatalf("explain %+v: %v", q, err)
	}
	return a
}

// explainFilters are filters on adv.t; the last two are refused.
var explainFilters = []string{
	"", "", "", "", "", "", "id=gt.2", "id=eq.2", "txt=eq.hello", "txt=ilike.%L%", "room=in.(1,3)", "room=not.eq.1", "num=gte.0", "uid=eq." + userA, "uid=neq." + userA,
	"gen=eq.4", "id=lt.4,txt=is.null", "tags=eq.{}", "txt=match.^h", "txt=like.x\\\\", "nope=eq.1", "nope=eq.1",
}

// attempt is one subscription of the test, with what was explained and what came.
type attempt struct {
	member, role, claims, entry string
	refused                     bool
}

var arrangements = flag.Int("explain.arrangements", 10, "how many arrangements of policies and subscriptions TestExplanationAgreesWithDelivery compares at least")

// TestExplanationAgreesWithDelivery: random policies, roles, claims, filters and rows through a real stream and Engine; what
// each member got is what the explanation of the row had said. Rapid prints the seed of a failure.
func TestExplanationAgreesWithDelivery(t *testing.T) {
	t.Parallel()
	r := newAdv(t)
	var empty []policyCase // whose rows arrive empty: few, so they are drawn apart
	for _, c := range policyCases {
		if strings.HasPrefix(c.name, "no privilege") || c.name == "all but the key" {
			empty = append(empty, c)
		}
	}
	outcomes, steps, compared, tries := map[Outcome]int{}, map[StepName]int{}, 0, 0
	complete := func() bool { // each of what can come of a row came
		return outcomes[Delivered] > 0 && outcomes[Dropped] > 0 && outcomes[Empty] > 0 && steps[StepPolicy] > 0 && steps[StepFilter] > 0 && steps[StepSubscription] > 0
	}
	rapid.Check(t, func(rt *rapid.T) {
		if compared >= *arrangements && complete() {
			return // each takes a while
		}
		tries++
		c := rapid.SampledFrom(policyCases).Draw(rt, "policies")
		if rapid.IntRange(0, 7).Draw(rt, "leave rows empty") == 0 {
			c = rapid.SampledFrom(empty).Draw(rt, "policies that leave rows empty")
		}
		r.exec("drop table if exists adv.t cascade; drop policy if exists pm on adv.m; alter table adv.m disable row level security; grant usage on schema adv to public",
			advTable, "alter table adv.t enable row level security; grant select on adv.t to public, authenticated, anon, service_role", "alter publication supabase_realtime add table adv.t")
		if rapid.Bool().Draw(rt, "identity full") {
			r.exec("alter table adv.t replica identity full")
		}
		if c.sql != "" {
			r.exec(c.sql)
		}
		r.settle() // the Engine knows of it
		var all []attempt
		for i := range 3 {
			a := attempt{member: fmt.Sprint(tries, "/", i), role: rapid.SampledFrom(append(c.roles, "anon")).Draw(rt, "role"), claims: rapid.SampledFrom(claimsCases).Draw(rt, "claims")}
			filter, _ := json.Marshal(rapid.SampledFrom(explainFilters).Draw(rt, "filter"))
			if i == 0 {
				a.role, filter = c.roles[0], []byte(`""`)
			}
			event := rapid.SampledFrom([]string{"*", "*", "*", "INSERT", "DELETE"}).Draw(rt, "event")
			a.entry = fmt.Sprintf(`{"event":%q,"schema":"adv","table":"t","filter":%s}`, event, filter)
			a.refused = r.ask(a.member, a.role, a.claims, a.entry).Err != nil
			all = append(all, a)
		}
		id := rapid.IntRange(1, advCount).Draw(rt, "id")
		key := ColumnValue{Value: fmt.Sprint(id)}
		said := map[string]*Explanation{}
		compare := func(op wal.Op) {
			r.settle()
			for _, a := range all {
				want := said[a.member]
				outcomes[want.Outcome]++
				steps[want.At]++
				if a.refused != (want.At == StepSubscription) {
					rt.Fatalf("%s as %s: refused %v, explained %+v", a.entry, a.role, a.refused, want)
				}
				got, data := outcomeFor(r, a.member, op, id)
				if got != want.Outcome || got != Dropped && !sameChange(data, want.Data) {
					rt.Fatalf("policies %q, %s of row %d to %s with %.90s by %s:\n got %s %s\nsaid %s at %q %s\n%+v\nnotices %q",
						c.name, op, id, a.role, a.claims, a.entry, got, data, want.Outcome, want.At, want.Data, want.Steps, r.noticesOf(a.member))
				}
			}
		}
		ask := func(op wal.Op) {
			for _, a := range all {
				said[a.member] = r.explain(question(r.t, a.role, a.claims, a.entry, op, key))
			}
		}
		r.exec(advRows)
		ask(wal.Insert)
		compare(wal.Insert)
		r.exec(fmt.Sprintf("update adv.t set num = num where id = %d", id))
		ask(wal.Update)
		compare(wal.Update)
		ask(wal.Delete)
		r.exec(fmt.Sprintf("delete from adv.t where id = %d", id))
		compare(wal.Delete)
		for _, a := range all {
			r.engine.Unsubscribe(a.member)
		}
		compared++
	})
	t.Logf("%d arrangements: %v, at %v", compared, outcomes, steps)
	if compared >= 50 && !complete() { // near to the end of the time for all tests rapid draws fewer
		t.Errorf("got %v, %v: the arrangements do not test what they should", outcomes, steps)
	}
}

// outcomeFor is what arrived at a member of one row's event, the other rows aside.
func outcomeFor(r *rig, member string, op wal.Op, id int) (Outcome, []byte) {
	r.t.Helper()
	got, data := Dropped, []byte(nil)
	for _, row := range r.take(member) {
		o := row.object(r.t)
		if row.Event != op.String() {
			r.t.Fatalf("got %s, want only %s", row.Data, op)
		}
		if errs, _ := o["errors"].([]any); errs != nil {
			got, data = Empty, row.Data
			continue
		}
		record, _ := o["record"].(map[string]any)
		if record == nil {
			record, _ = o["old_record"].(map[string]any)
		}
		if n, known := record["id"].(float64); !known || int(n) == id {
			got, data = Delivered, row.Data
		}
	}
	return got, data
}

// sameChange compares what arrived with what was foretold, but for the time.
func sameChange(a, b []byte) bool {
	strip := func(data []byte) string {
		var m map[string]json.RawMessage
		if json.Unmarshal(data, &m) != nil {
			return string(data)
		}
		delete(m, "commit_timestamp")
		out, _ := json.Marshal(m)
		return string(out)
	}
	return strip(a) == strip(b)
}

func TestExplanationNeedsItsRow(t *testing.T) {
	t.Parallel()
	r := newDocs(t)
	for _, row := range [][]ColumnValue{{{"id", "7"}}, nil, {{"", "7"}}, {{"nope", "7"}}, {{"id", "x"}}} {
		_, err := Explain(t.Context(), Options{Settings: r.s, Publication: "supabase_realtime"}, question(t, authenticated, "{}", allOfDocs, wal.Insert, row...))
		if err == nil || errors.Is(err, ErrNoRow) != (len(row) == 1 && row[0].Value == "7" && row[0].Column != "nope") {
			t.Errorf("%v: got %v", row, err)
		}
	}
	if _, err := Explain(t.Context(), Options{Settings: r.s, Publication: "supabase_realtime"}, Question{Entry: protocol.ChangeEntry{}, Role: authenticated, Claims: "{}"}); err != nil {
		t.Errorf("an empty question is answered, got %v", err)
	}
}

func TestEachStepIsNamedWithItsRemedy(t *testing.T) {
	t.Parallel()
	r := newRig(t, "create table public.e (id int primary key, v text, owner uuid)", "insert into public.e values (1, 'open', '"+userA+"')", "alter publication supabase_realtime add table public.e",
		"create table public.un (id int primary key)", "create schema realtime", "create table realtime.s (id int primary key)")
	const all = `{"event":"*","schema":"public","table":"e"}`
	one := ColumnValue{"id", "1"}
	own := claimsOf(userA)
	for i, c := range []struct {
		before  string
		claims  string
		entry   string
		op      wal.Op
		outcome Outcome
		at      StepName
		says    string // in the detail or SQL of the step
		tier    string
	}{
		{"", own, `{"schema":"public","table":"un"}`, wal.Insert, Dropped, StepPublication, `alter publication "supabase_realtime" add table "public"."un";`, ""},
		{"", own, `{"schema":"public","table":"ghost"}`, wal.Insert, Dropped, StepPublication, "there is no table", ""},
		{"", own, `{"schema":"realtime","table":"s"}`, wal.Insert, Dropped, StepPublication, "never delivered", ""},
		{"alter publication supabase_realtime set (publish = 'insert, update')", own, all, wal.Delete, Dropped, StepPublication, "(publish = 'insert, update, delete')", ""},
		{"alter publication supabase_realtime set (publish = 'insert, update, delete')", own, `{"schema":"public","table":"e","filter":"x=eq.1"}`, wal.Insert, Dropped, StepSubscription, "invalid column for filter x", ""},
		{"", own, `{"event":"UPDATE","schema":"public","table":"e"}`, wal.Insert, Dropped, StepEvent, "wants UPDATE alone", "T0"},
		{"", own, `{"schema":"public","table":"e","filter":"id=gt.0,v=eq.done"}`, wal.Insert, Dropped, StepFilter, `v=eq."done": "v" is "open"`, "T0"},
		{"", own, `{"schema":"public","table":"e","filter":"v=eq.open"}`, wal.Delete, Dropped, StepFilter, `replica identity full`, "T0"},
		{"", own, all, wal.Insert, Delivered, "", "", "T0"},
		{"revoke select on public.e from authenticated", own, all, wal.Insert, Empty, StepPrivilege, `grant select on "public"."e" to "authenticated";`, "T0"},
		{"", own, all, wal.Delete, Delivered, "", "", "T0"},
		{"grant select on public.e to authenticated; alter table public.e enable row level security", own, all, wal.Insert, Dropped, StepPolicy, `create policy "rows to read"`, "deny"},
		{"create policy own on public.e using (owner = auth.uid())", own, all, wal.Insert, Delivered, "", "", "T1"},
		{"", claimsOf(userB), all, wal.Insert, Dropped, StepPolicy, `"own" (false)`, ""},
		{"", claimsOf(userB), all, wal.Delete, Delivered, "", "", ""},
		{"create policy only_done on public.e as restrictive using (v = 'done')", own, all, wal.Insert, Dropped, StepPolicy, `restrictive policy "only_done" (false)`, ""},
		{"", `{"sub":"no uuid"}`, all, wal.Insert, Dropped, StepPolicy, `22P02`, ""},
		{"drop policy only_done on public.e; alter table public.e drop constraint e_pkey", own, all, wal.Insert, Empty, StepKey, `add primary key ("id")`, ""},
	} {
		if c.before != "" {
			r.exec(c.before)
		}
		a := r.explain(question(t, authenticated, c.claims, c.entry, c.op, one))
		if a.Outcome != c.outcome || a.At != c.at || c.tier != "" && a.Tier != c.tier {
			t.Errorf("%d: got %s at %q, tier %q: %+v", i, a.Outcome, a.At, a.Tier, a.Steps)
			continue
		}
		for _, s := range a.Steps {
			if s.Name == c.at && !strings.Contains(s.Detail+s.Mend, c.says) {
				t.Errorf("%d: got %+v, want it to say %s", i, s, c.says)
			}
		}
	}
}

// TestExplanationBearsAChangingCatalog: it is of the catalog as it was at some moment, never an error.
func TestExplanationBearsAChangingCatalog(t *testing.T) {
	t.Parallel()
	r := newRig(t, "create table public.e (id int primary key, v text)", "insert into public.e values (1, 'open')", "alter publication supabase_realtime add table public.e",
		"grant select on public.e to authenticated", "alter table public.e enable row level security")
	other := pgtest.Conn(t, r.s)
	for i := range 40 {
		changed := make(chan error, 1)
		go func() { // at any moment of the explanation
			sql := []string{"create policy p on public.e using (v = 'open')", "alter table public.e rename v to w", "alter table public.e rename w to v", "drop policy p on public.e"}[i%4]
			_, err := other.Exec(context.Background(), "select pg_sleep(random() / 20); "+sql, pgx.QueryExecModeSimpleProtocol)
			changed <- err
		}()
		a := r.explain(question(t, authenticated, "{}", `{"event":"*","schema":"public","table":"e","filter":"v=eq.open"}`, wal.Insert, ColumnValue{"id", "1"}))
		if a.Outcome != Delivered && a.At != StepSubscription && a.At != StepPolicy {
			t.Errorf("got %s at %q: %+v", a.Outcome, a.At, a.Steps)
		}
		if err := <-changed; err != nil {
			t.Fatal(err)
		}
	}
}
