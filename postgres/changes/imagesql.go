package changes

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"realtime/postgres"
)

// Names of a plan's objects in the session's temporary schema.
func (p *plan) joinName() string   { return fmt.Sprintf("pg_temp.realtime_join_%d", p.serial) }
func (p *plan) claimsName() string { return fmt.Sprintf("pg_temp.realtime_each_%d", p.serial) }
func (p *plan) valuesName() string { return fmt.Sprintf("%s%d", valuesPrefix, p.serial) }
func (p *plan) hoistName() string  { return fmt.Sprintf("pg_temp.realtime_hoist_%d", p.serial) }

// valuesPrefix begins the names of claims tables; the others are functions.
const valuesPrefix = "pg_temp.realtime_values_"

// build makes what the tier needs in the session and tries it on nothing, as the role. What Postgres does not take puts
// the plan one tier lower: it knows the names in a policy already, while the role may not even be allowed to look one up.
func (a *admission) build(ctx context.Context, im *imaging, best tier) error {
	p := a.p
	im.claims = newClaimsTable()
	none := emptyArrays(len(im.columns))
	ok, err := a.try(ctx, []string{p.hoistSQL(im), p.claimsSQL(im)},
		trial{callSQL("state", p.hoistName(), 2), []any{p.role, []string{"{}"}}},
		trial{callSQL("state", p.claimsName(), 4+len(none)), append([]any{p.role, []string{"{}"}, true, 0}, none...)})
	if err != nil {
		return err
	}
	if !ok {
		p.why = reason{text: "a name that role " + p.role + " may not look up", rewrite: "grant usage on its schema to the role"}
		return nil
	}
	a.s.fresh[p.claimsName()], a.s.fresh[p.hoistName()] = true, true
	p.tier, p.image = tierClaims, im
	if best != tierJoin {
		return nil
	}
	ok, err = a.try(ctx, []string{p.valuesSQL(im), p.joinSQL(im)},
		trial{callSQL("realtime_state", p.joinName(), 5+len(none)), append([]any{p.role, 0, joinWhole, []int32{}, []int32{}}, none...)})
	if err != nil || !ok {
		return err
	}
	a.s.fresh[p.joinName()], a.s.fresh[p.valuesName()] = true, true
	p.tier = tierJoin
	return im.claims.readTypes(ctx, a.s, p.valuesName())
}

func emptyArrays(n int) []any {
	out := make([]any, n)
	for i := range out {
		out[i] = []string{}
	}
	return out
}

// trial is a call that returns a SQLSTATE if it fails, or fails.
type trial struct {
	sql  string
	args []any
}

// try makes objects and makes calls of them. ok is false if Postgres refuses; that a value is wrong is no refusal.
func (a *admission) try(ctx context.Context, objects []string, trials ...trial) (ok bool, err error) {
	refused := false
	err = a.s.guardedExec(ctx, strings.Join(objects, ";\n"))
	for _, t := range trials {
		if err == nil {
			err = a.s.guarded(ctx, sqlLimit, styleOwn, func(r pgx.Rows) error {
				var state *string
				err := r.Scan(&state)
				refused = refused || state != nil && !strings.HasPrefix(*state, "22")
				return err
			}, t.sql, t.args...)
		}
	}
	if err != nil && (a.s.lost() || ctx.Err() != nil || passing(postgres.State(err)) || postgres.State(err) == "") {
		return false, err
	}
	return err == nil && !refused, nil
}

// valuesSQL makes the claims table: a row for each combination of values that claims in use have. The expressions are
// written with an empty search_path, under which they mean what Postgres wrote.
func (p *plan) valuesSQL(im *imaging) string {
	var columns strings.Builder
	for i, expression := range im.hoisted {
		fmt.Fprintf(&columns, ", (%s) as %s", expression, valueColumn(i))
	}
	return "create temp table " + strings.TrimPrefix(p.valuesName(), "pg_temp.") + " as select 0::pg_catalog.int4 as g" + columns.String() +
		" with no data;\ncreate unique index on " + p.valuesName() + " (g);\ngrant select on " + p.valuesName() + " to " + pgx.Identifier{p.role}.Sanitize()
}

// hoistSQL makes the function that evaluates the hoisted expressions as the role with each claims, in a subtransaction of
// its own: their texts, or the SQLSTATE.
func (p *plan) hoistSQL(im *imaging) string {
	var values, texts []string
	for i, expression := range im.hoisted {
		values = append(values, "("+expression+") as "+valueColumn(i))
		texts = append(texts, outputText("realtime_s."+valueColumn(i)))
	}
	for i, expression := range im.checked { // an error counts, the value does not
		name := fmt.Sprintf("k%d", i+1)
		values = append(values, "("+expression+") as "+name)
		texts = append(texts, "pg_catalog.num_nulls(realtime_s."+name+")::pg_catalog.text")
	}
	ask := "realtime_got := array[]::pg_catalog.text[]"
	if len(values) > 0 {
		ask = "select array[" + strings.Join(texts, ", ") + "]::pg_catalog.text[] into realtime_got from (select " + strings.Join(values, ", ") + " offset 0) as realtime_s"
	}
	planned := ""
	if im.planned {
		planned = p.planSQL()
	}
	return "create or replace function " + p.hoistName() + `(realtime_who text, realtime_claims text[])
returns table (i int, got text[], state text) language plpgsql set search_path = '' as ` + quoteLiteral(`
#variable_conflict use_column
declare
	realtime_got text[];
	realtime_c text;
begin
	i := 0;
	perform pg_catalog.set_config('role', realtime_who, true);
	foreach realtime_c in array realtime_claims loop
		i := i + 1; got := null; state := null;
		begin
			`+becomeSQL+planned+`
			`+ask+`;
			got := realtime_got;
		exception
			when others then
				state := sqlstate;
		end;
		return next;
	end loop;
	perform pg_catalog.set_config('role', 'none', true), pg_catalog.set_config('request.jwt.claims', '', true);
end`)
}

// planSQL has Postgres plan the question about the table itself, as the role with the claims, and read no row. What that
// raises it would raise for every row.
func (p *plan) planSQL() string {
	if p.fault != noFault { // with a fault nobody is asked
		return ""
	}
	return "\nexecute " + quoteLiteral("select true from "+p.table.only()+" limit 0") + ";"
}

// imagesSQL is the rows' images as a table in the place of the real one.
func (p *plan) imagesSQL(im *imaging) string {
	var columns strings.Builder
	arrays, names := make([]string, len(im.columns)), make([]string, len(im.columns))
	for i, at := range im.columns {
		col := &p.table.columns[at]
		value := fmt.Sprintf("(realtime_u.c%d)::%s", i+1, col.sqlType)
		if col.collation != "" {
			value += " collate " + col.collation
		}
		fmt.Fprintf(&columns, "%s as %s, ", value, pgx.Identifier{col.name}.Sanitize())
		arrays[i] = fmt.Sprintf("pg_catalog.unnest(realtime_c%d[realtime_f:realtime_t])", i+1)
		names[i] = fmt.Sprintf("c%d, ", i+1)
	}
	from := "rows from (" + strings.Join(arrays, ", ") + ") with ordinality as realtime_u(" + strings.Join(names, "") + "n)"
	if len(arrays) == 0 {
		from = "(select realtime_m - realtime_f + 1 as n from pg_catalog.generate_series(realtime_f, realtime_t) as realtime_m) as realtime_u"
	}
	return "(select " + columns.String() + "(realtime_u.n + realtime_f - 1)::pg_catalog.int4 as " + ordinal + " from " + from + ") as " +
		pgx.Identifier{p.table.table}.Sanitize()
}

// imageParameters are a function's parameters for the image's columns.
func (m *imaging) imageParameters() string {
	var b strings.Builder
	for i := range m.columns {
		fmt.Fprintf(&b, ", realtime_c%d text[]", i+1)
	}
	return b.String()
}

// joinSQL makes the function of T1. It answers for realtime_rows rows, with the numbers of claims and rows that go
// together; a claims number of 0 means everybody. Mode 0 asks about all rows and all claims at once, mode 1 about each
// row in a subtransaction of its own, mode 2 about the given pairs.
func (p *plan) joinSQL(im *imaging) string {
	table := pgx.Identifier{p.table.table}.Sanitize()
	var parts []string
	for _, b := range im.branches {
		g, from := claimsAlias+".g", ", "+p.valuesName()+" as "+claimsAlias
		if b.anyone {
			g, from = "0::pg_catalog.int4 as g", ""
		}
		parts = append(parts, "select "+g+", "+table+"."+ordinal+" as n from "+p.imagesSQL(im)+from+" where "+b.sql)
	}
	all := "select pg_catalog.array_agg(realtime_x.g), pg_catalog.array_agg(realtime_x.n) into realtime_got, realtime_rows_got from (" +
		strings.Join(parts, "\nunion all ") + ") as realtime_x"
	pairs := "select pg_catalog.array_agg(realtime_w.g), pg_catalog.array_agg(realtime_w.n) into realtime_got, realtime_rows_got from " +
		"rows from (pg_catalog.unnest(realtime_g), pg_catalog.unnest(realtime_n)) as realtime_w(g, n) join " + p.imagesSQL(im) +
		" on " + table + "." + ordinal + " = realtime_w.n join " + p.valuesName() + " as " + claimsAlias + " on " + claimsAlias + ".g = realtime_w.g where " + im.pairs
	return "create or replace function " + p.joinName() + `(realtime_who text, realtime_rows int, realtime_mode int, realtime_g int[], realtime_n int[]` + im.imageParameters() + `)
returns table (realtime_k int, realtime_gs int[], realtime_ns int[], realtime_state text)
language plpgsql set plan_cache_mode = force_generic_plan set search_path = '' as ` + quoteLiteral(`
#variable_conflict use_column
declare
	realtime_got int[];
	realtime_rows_got int[];
	realtime_f int := 1;
	realtime_t int := realtime_rows;
begin
	realtime_k := 0;
	perform pg_catalog.set_config('request.jwt.claims', '', true), pg_catalog.set_config('role', realtime_who, true);
	if realtime_mode = 0 then
		`+all+`;
		realtime_gs := realtime_got; realtime_ns := realtime_rows_got;
		return next;
	elsif realtime_mode = 1 then
		for realtime_i in 1 .. realtime_rows loop
			realtime_k := realtime_i; realtime_f := realtime_i; realtime_t := realtime_i;
			realtime_gs := null; realtime_ns := null; realtime_state := null;
			begin
				`+all+`;
				realtime_gs := realtime_got; realtime_ns := realtime_rows_got;
			exception
				when others then
					realtime_state := sqlstate;
			end;
			return next;
		end loop;
	else
		`+pairs+`;
		realtime_gs := realtime_got; realtime_ns := realtime_rows_got;
		return next;
	end if;
	if current_user::text <> realtime_who then
		raise exception using errcode = '42501';
	end if;
	perform pg_catalog.set_config('role', 'none', true);
end`)
}

// claimsSQL makes the function of T2: for each claims the numbers of the rows whose images the role may see, or the
// SQLSTATE. Careful, it has each statement planned anew, and the one about the table as well: some errors are raised by
// planning only.
func (p *plan) claimsSQL(im *imaging) string {
	query := "select pg_catalog.array_agg(" + pgx.Identifier{p.table.table}.Sanitize() + "." + ordinal + ") {into} from " + p.imagesSQL(im) + " where " + im.whole
	dynamic, using := strings.Replace(query, "{into}", "", 1), "realtime_f, realtime_t"
	for i := len(im.columns); i > 0; i-- {
		dynamic = strings.ReplaceAll(dynamic, fmt.Sprintf("realtime_c%d[", i), fmt.Sprintf("($%d)[", i+2))
		using = strings.Replace(using, "realtime_t", fmt.Sprintf("realtime_t, realtime_c%d", i), 1)
	}
	dynamic = strings.ReplaceAll(strings.ReplaceAll(dynamic, "realtime_f", "$1"), "realtime_t", "$2")
	return "create or replace function " + p.claimsName() + `(realtime_who text, realtime_claims text[], realtime_careful bool, realtime_rows int` + im.imageParameters() + `)
returns table (i int, hits int[], state text)
language plpgsql set plan_cache_mode = force_generic_plan set search_path = '' as ` + quoteLiteral(`
#variable_conflict use_column
declare
	realtime_got int[];
	realtime_c text;
	realtime_f int := 1;
	realtime_t int := realtime_rows;
`+loopSQL(strings.Replace(query, "{into}", "into realtime_got", 1), p.planSQL()+"\nexecute "+quoteLiteral(dynamic)+" into realtime_got using "+using))
}
