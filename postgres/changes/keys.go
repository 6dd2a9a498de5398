package changes

import (
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

// How the functions of a plan are given the keys of rows, or their places, and find the rows by them.

// keys are the primary keys of rows, an array for each column.
func (p *plan) keys(rows []*batchRow) ([]any, bool) {
	var out []any
	for _, k := range p.table.key {
		keys, ok := keyArray(k.column, rows)
		if !ok {
			return nil, false
		}
		out = append(out, keys)
	}
	return out, true
}

// keyParameters are the function's parameters for keys, and the variables that hold them typed.
func (p *plan) keyParameters() (params, declare string) {
	for i := range p.table.key {
		kind := p.keyType(i)
		params += fmt.Sprintf(", realtime_k%d text[]", i+1)
		declare += fmt.Sprintf("\trealtime_v%d %s[] := realtime_k%d::%s[];\n", i+1, kind, i+1, kind)
	}
	return params, declare
}

// keyVariables lists the typed variables, and the texts where there are any.
func (p *plan) keyVariables() string {
	names := make([]string, len(p.table.key))
	for i := range names {
		names[i] = fmt.Sprintf("realtime_v%d", i+1)
	}
	if p.placed() {
		return names[0]
	}
	if len(names) > 1 {
		names = append(names, "realtime_rows")
	}
	return strings.Join(names, ", ")
}

// placed reports whether rows are read again by their places in the table, the cheapest way. Places of a partitioned table
// mean nothing without the partition, and who may read columns only may not name a place.
func (p *plan) placed() bool { return p.table.kind == 'r' && p.readable }

// rereadParameters are those of reread: places, which are sorted, or keys.
func (p *plan) rereadParameters() (params, declare string) {
	if p.placed() {
		return ", realtime_k1 text[]", "\trealtime_v1 tid[] := realtime_k1::tid[];\n"
	}
	params, declare = p.keyParameters()
	return params, declare + p.rowTexts()
}

// rereadStatement is the query of reread, with {into} where PL/pgSQL wants its target: an index scan by key, and for each row
// the policies let through the search for its number. A join would be planned as a loop within a loop, as nothing is known of
// the arrays. Keys of several columns are found by their text: a row that is asked about has the texts of its image.
func (p *plan) rereadStatement() string {
	if p.placed() {
		return "select pg_catalog.array_agg(pg_catalog.width_bucket(t.ctid, realtime_v1)) {into} from " + p.table.only() +
			" as t where t.ctid operator(pg_catalog.=) any (realtime_v1)"
	}
	names, within := make([]string, len(p.table.key)), make([]string, len(p.table.key))
	for i, k := range p.table.key {
		names[i] = "t." + pgx.Identifier{p.table.columns[k.column].name}.Sanitize()
		within[i] = fmt.Sprintf("%s %s any (realtime_v%d)", names[i], k.equals, i+1)
	}
	from := " from " + p.table.only() + " as t where " + strings.Join(within, " and ")
	if len(names) == 1 {
		return "select pg_catalog.array_agg(pg_catalog.array_position(realtime_v1, " + names[0] + "::" + p.keyType(0) + ")) {into}" + from
	}
	return "select pg_catalog.array_remove(pg_catalog.array_agg(pg_catalog.array_position(realtime_rows, row(" + strings.Join(names, ", ") + ")::text)), null) {into}" + from
}

// rowTexts declares the texts that rereadStatement finds keys of several columns by.
func (p *plan) rowTexts() string {
	n := len(p.table.key)
	if n == 1 {
		return ""
	}
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("k%d", i+1)
	}
	return "\trealtime_rows text[] := array(select row(" + strings.Join(names, ", ") + ")::text from rows from (" + p.unnested() + ") with ordinality as k(" +
		strings.Join(names, ", ") + ", n) order by n);\n"
}

func (p *plan) unnested() string {
	list := make([]string, len(p.table.key))
	for i := range list {
		list[i] = fmt.Sprintf("pg_catalog.unnest(realtime_v%d)", i+1)
	}
	return strings.Join(list, ", ")
}

// keyType is the SQL type of a key column's values.
func (p *plan) keyType(i int) string { return p.table.columns[p.table.key[i].column].baseType }

// numbered writes the variables as parameters, for EXECUTE.
func (p *plan) numbered(statement string) string {
	for i := range p.table.key {
		statement = strings.ReplaceAll(statement, fmt.Sprintf("realtime_v%d", i+1), fmt.Sprintf("$%d", i+1))
	}
	statement = strings.ReplaceAll(statement, "realtime_rows", fmt.Sprintf("$%d", len(p.table.key)+1))
	return statement
}
