package changes

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"realtime/postgres/pgtest"
)

var (
	diffPolicies = flag.Int("diff.n", 25, "how many random policies TestRandomPoliciesAreThoseOfPostgres makes")
	diffSeed     = flag.Uint64("diff.seed", 0, "the seed of the first; 0 draws one")
)

// TestRandomPoliciesAreThoseOfPostgres does the same with policies, claims and rows that nobody thought of.
func TestRandomPoliciesAreThoseOfPostgres(t *testing.T) {
	t.Parallel()
	seed := *diffSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	rigs := newTiers(t)
	oracle := pgtest.Conn(t, rigs[0].s)
	asked, shown := 0, 0
	tiers := map[string]int{}
	for i := range *diffPolicies {
		if t.Failed() {
			break
		}
		g := generator{rand.New(rand.NewPCG(seed+uint64(i), 0))}
		t.Logf("seed %d: go test -run %s -diff.n 1 -diff.seed %d", seed+uint64(i), t.Name(), seed+uint64(i))
		d := differential{t: t, rigs: rigs, oracle: oracle, tiers: tiers, random: true, count: 6, claims: g.claims(6), rows: g.rows(6)}
		d.c = policyCase{sql: g.policies(), roles: []string{"authenticated"}}
		d.run()
		asked, shown = asked+d.asked, shown+d.shown
	}
	t.Logf("%d decisions compared, of them %d to show; plans %v", asked, shown, tiers)
	if !t.Failed() && *diffPolicies > 10 && asked < *diffPolicies*6*6*len(forced) {
		t.Errorf("got %d decisions: the policies are mostly refused", asked)
	}
}

// generator draws SQL that Postgres takes, most of it sensible.
type generator struct{ *rand.Rand }

func (g generator) pick(list ...string) string { return list[g.IntN(len(list))] }

// policies draws the policies of adv.t, and at times one of the table that they read.
func (g generator) policies() string {
	var b strings.Builder
	for i := range 1 + g.IntN(3) {
		kind := "permissive"
		if i > 0 && g.IntN(2) == 0 {
			kind = "restrictive"
		}
		fmt.Fprintf(&b, "create policy p%d on adv.t as %s for %s to %s using (%s);\n", i, kind, g.pick("select", "all"), g.pick("public", "authenticated"), g.boolean(3))
	}
	if g.IntN(4) == 0 {
		b.WriteString("alter table adv.m enable row level security; create policy pm on adv.m for select using (" + g.pick("user_id = auth.uid()", "room > 1", "true") + ");")
	}
	return b.String()
}

func (g generator) boolean(depth int) string {
	if depth > 0 {
		switch g.IntN(5) {
		case 0:
			return "(" + g.boolean(depth-1) + " or " + g.boolean(depth-1) + ")"
		case 1:
			return "(" + g.boolean(depth-1) + " and " + g.boolean(depth-1) + ")"
		case 2:
			return fmt.Sprintf(g.pick("not (%s)", "(%s) is true", "(%s) is not false", "case when %s then id > 1 else uid is null end", "coalesce(%s, false)"), g.boolean(depth-1))
		}
	}
	switch g.IntN(16) {
	case 0, 1:
		return g.compare(g.uuid, "=", "=", "=", "<>", "is distinct from", "is not distinct from")
	case 2, 3:
		return g.compare(g.text, "=", "=", "<", "like", "ilike", "is distinct from")
	case 4, 5:
		return g.compare(g.number, "=", ">", "<=", "<>")
	case 6:
		return "exists (select 1 from adv.m where m.room = t.room and m.user_id = " + g.uuid() + ")"
	case 7:
		return "room in (select room from adv.m where user_id = " + g.uuid() + ")"
	case 8:
		return g.pick(g.uuid()+" = any(uids)", g.text()+" = any(tags)", "array["+g.uuid()+"] <@ uids")
	case 9:
		return "tags && (select array_agg(value) from jsonb_array_elements_text(auth.jwt()->'tags'))"
	case 10:
		return g.pick("auth.jwt()->'app_metadata'->'rooms' @> to_jsonb(room)", "auth.jwt() ? 'name'", "(auth.jwt()->'tags') ? txt")
	case 11:
		return g.pick(g.uuid(), g.text(), g.number()) + g.pick(" is null", " is not null")
	case 12:
		return g.pick("ts < now()", "ts::date = '2021-01-01'", "ts > '2020-01-01'", "extract(year from ts) > 2020", "(auth.jwt()->>'since')::timestamptz < ts")
	case 13:
		return g.pick("num = 1.0", "fl = 0", "fl = 'NaN'", "bp = 'ab'", "ci = 'AB'", "num::text = auth.jwt()->>'room'", "10 / room > 3", "room between 1 and 2")
	case 14:
		return g.pick("true", "false", "adv.secdef_ok()", "own = adv.who()", "gen > 4", "t.* is not null", "pg_has_role('r_team', 'usage')", "random() >= 0", "uid = adv.immutable_lie()")
	}
	return "exists (select 1 from jsonb_array_elements_text(auth.jwt()->'tags') x where x = " + g.pick("any(t.tags)", "t.own", "auth.role()") + ")"
}

// compare draws two different sides: of "auth.uid() = auth.uid()" Postgres says "cannot cope with variable-free clause".
func (g generator) compare(side func() string, operators ...string) string {
	for {
		if a, b := side(), side(); a != b {
			return a + " " + g.pick(operators...) + " " + b
		}
	}
}

func (g generator) uuid() string {
	return g.pick("uid", "uid", "auth.uid()", "auth.uid()", "(select auth.uid())", "(auth.jwt()->>'sub')::uuid", "coalesce(uid, auth.uid())",
		"'"+userA+"'", "uids[1]", "(current_setting('request.jwt.claims', true)::jsonb->>'sub')::uuid", "nullif(uid, auth.uid())")
}

func (g generator) text() string {
	return g.pick("own", "txt", "auth.role()", "(auth.jwt()->>'name')", "'ab'::text", "lower(txt)", "current_user::text", "coalesce(own, auth.jwt()->>'name')",
		"uid::text", "bp::text", "ci", "(own || (auth.jwt()->>'name'))", "(select auth.jwt()->>'name')", "tags[1]", "num::text")
}

func (g generator) number() string {
	return g.pick("id", "room", "(auth.jwt()->>'room')::int", "1", "2", "length(txt)", "room + 1", "cardinality(tags)", "num", "fl",
		"(select count(*) from adv.m where m.room = t.room)", "coalesce(room, 0)", "jsonb_array_length(auth.jwt()->'tags')", "greatest(room, 1)")
}

// claims draws texts of claims; the first is as it should be.
func (g generator) claims(n int) []string {
	out := []string{`{"sub":"` + userA + `","role":"authenticated","name":"ab","room":1,"tags":["x"],"app_metadata":{"rooms":[1]},"since":"2020-01-01"}`}
	for len(out) < n {
		var fields []string
		for _, c := range [][]string{ // a name and its values
			{"sub", `"` + userA + `"`, `"` + userB + `"`, `"` + strings.ToUpper(userB) + `"`, `"x"`, `null`, `{"a":1}`},
			{"role", `"authenticated"`, `"anon"`, `1`},
			{"name", `"ab"`, `"AB"`, `"ab   "`, `"%"`, `""`, `null`, `"\u2028'\"\\"`},
			{"room", `1`, `"2"`, `"x"`, `null`, `1.0`},
			{"tags", `["x"]`, `[]`, `["a b","y"]`, `"x"`, `null`},
			{"app_metadata", `{"rooms":[1]}`, `{"rooms":[1,2]}`, `{}`},
			{"since", `"2020-01-01"`, `"infinity"`, `"soon"`},
		} {
			if i := g.IntN(len(c)); i > 0 {
				fields = append(fields, `"`+c[0]+`":`+c[i])
			}
		}
		out = append(out, "{"+strings.Join(fields, ",")+"}")
	}
	return out
}

// rows draws the rows of adv.t.
func (g generator) rows(n int) string {
	rows := make([]string, n)
	for i := range rows {
		rows[i] = fmt.Sprintf("(%d, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, 'x')", i+1,
			g.pick("null", "'"+userA+"'", "'"+userB+"'"), g.pick("null", "0", "1", "2"), g.pick("null", "'authenticated'", "'ab'", "current_user"),
			g.pick("null", "'x'", "'ab'", "''", `E'he"l,l(o)\\ \u2028'`), g.pick("null", "'AB'", "'ab'"), g.pick("null", "'ab'", "'ab  c'"),
			g.pick("null", "1.00", "1", "'NaN'", "-1e-30"), g.pick("null", "'NaN'", "'-0'", "'inf'", "1e300"),
			g.pick("null", "'2021-01-01 00:00+02'", "'infinity'", "'2019-06-01'", "'0044-03-15 BC'"),
			g.pick("null", "'{}'", "'{"+userA+"}'", "'{NULL,"+userB+"}'"), g.pick("null", "'{}'", "'{x,y}'", `'{NULL,"a b"}'`, "'[2:3]={x,y}'"))
	}
	return "insert into adv.t (id, uid, room, own, txt, ci, bp, num, fl, ts, uids, tags, dom) values " + strings.Join(rows, ",\n")
}
