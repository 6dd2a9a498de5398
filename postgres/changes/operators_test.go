package changes

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

// TestEveryOperatorAndItsNegation matches the rows that the same condition in SQL finds, NULL among them.
func TestEveryOperatorAndItsNegation(t *testing.T) {
	t.Parallel()
	r := newRig(t, "create table public.ops (id int primary key, n numeric, s text, b bool)", "grant select on public.ops to authenticated", "alter publication supabase_realtime add table public.ops")
	conditions := map[string]string{ // what is subscribed, and the same in SQL
		"n=eq.2": "n = 2", "n=eq.2.00": "n = 2", "n=neq.2": "n <> 2", "n=lt.2": "n < 2", "n=lte.2": "n <= 2", "n=gt.2": "n > 2", "n=gte.2": "n >= 2", "n=in.(1,2.0)": "n = any('{1,2}')",
		"n=in.()": "n = any('{}')", "n=in.(1,NULL)": "n = any('{1,NULL}')", "n=is.null": "n is null", "n=isdistinct.2": "n is distinct from 2", "id=eq.2": "id = 2", "s=eq.Ab": "s = 'Ab'",
		"s=neq.Ab": "s <> 'Ab'", "s=lt.b": `s < 'b'`, "s=gte.b": `s >= 'b'`, `s=in.(\"a,b\",Ab, c )`: `s = any('{"a,b",Ab, c }')`, "s=like.A%": "s like 'A%'", `s=like.a_b`: "s like 'a_b'", "s=ilike.a%": "s ilike 'a%'",
		"s=match.^A": "s ~ '^A'", "s=imatch.^a": "s ~* '^a'", "s=isdistinct.null": "s is distinct from 'null'", `s=eq.\"a,b\"`: "s = 'a,b'", "b=is.true": "b is true", "b=is.false": "b is false", "b=is.unknown": "b is unknown",
		"b=is.null": "b is null", "b=eq.t": "b = true",
	}
	type pair struct{ member, sql string }
	var all []pair
	for filter, sql := range conditions {
		column, rest, _ := strings.Cut(filter, "=")
		for text, want := range map[string]string{filter: sql, column + "=not." + rest: "not (" + sql + ")"} {
			r.subscribe(text, authenticated, "{}", `{"event":"INSERT","schema":"public","table":"ops","filter":"`+text+`"}`)
			all = append(all, pair{text, want})
		}
	}
	r.exec(`insert into public.ops values (1, 1, 'Ab', true), (2, 2.0, 'a,b', false), (3, 3, 'null', null), (4, null, null, true), (5, 'NaN', '', false), (6, -1e20, 'c', null), (7, 2, 'abc', null)`)
	r.settle()
	for _, p := range all {
		var got []int
		for _, row := range r.take(p.member) {
			got = append(got, int(row.object(t)["record"].(map[string]any)["id"].(float64)))
		}
		// NaN is NULL to filters, as it is in JSON.
		rows, err := r.conn.Query(context.Background(), "select id from (select id, nullif(n, 'NaN') as n, s, b from public.ops) o where "+p.sql+" order by id", pgx.QueryExecModeSimpleProtocol)
		if err != nil {
			t.Fatal(err)
		}
		want, err := pgx.CollectRows(rows, pgx.RowTo[int])
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: got rows %v, want %v of %s, %v", p.member, got, want, p.sql, err)
		}
	}
}

// TestLongListsAndLongFilters: a hundred values are taken, the hundred and first is one too many.
func TestLongListsAndLongFilters(t *testing.T) {
	t.Parallel()
	r := newOpen(t)
	list := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, ",%d", i)
		}
		return b.String()[1:]
	}
	r.subscribe("100", authenticated, "{}", `{"schema":"public","table":"open","filter":"id=in.(`+list(100)+`)"}`)
	if a := r.ask("101", authenticated, "{}", `{"schema":"public","table":"open","filter":"id=in.(`+list(101)+`)"}`); a.Err == nil || !strings.HasSuffix(a.Err.Text, "too many values for `in` filter. Maximum 100") {
		t.Errorf("101 values: got %+v", a)
	}
	if a := r.ask("giant", authenticated, "{}", `{"schema":"public","table":"open","filter":"id=not.in.(`+list(50_000)+`)"}`); a.Err == nil {
		t.Errorf("50,000 values: got %+v", a)
	}
	r.exec("insert into public.open values (99), (100)")
	r.settle()
	r.expect("100", `INSERT {"id":99,"v":null}`)
}
