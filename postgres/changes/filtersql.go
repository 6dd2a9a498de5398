package changes

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"realtime/postgres/wal"
)

// rowFilter is the part of a filter that Postgres is asked about. Subscribers of a table with the same conditions share
// one.
type rowFilter struct {
	conditions []Condition
	columns    []int  // indexes into table.columns, each once
	path       string // search_path under which the operators are found
	// broken is why it can never be evaluated (no such operator).
	broken  *evalError
	blocked quarantine
}

// newRowFilter takes conditions whose columns are known.
func newRowFilter(t *table, conditions []Condition, sessionPath string) *rowFilter {
	f := &rowFilter{conditions: conditions, path: sessionPath}
	for _, c := range conditions {
		at := t.columnIndex(c.Column)
		if !slices.Contains(f.columns, at) {
			f.columns = append(f.columns, at)
		}
		if schema := t.columns[at].schema; schema != "pg_catalog" {
			f.path += ", " + pgx.Identifier{schema}.Sanitize()
		}
	}
	return f
}

// constants are the right sides, in order.
func (f *rowFilter) constants() []string {
	out := make([]string, len(f.conditions))
	for i := range f.conditions {
		out[i] = f.conditions[i].Value
	}
	return out
}

// statement returns the query for rows from+1 to to of n: the numbers, from 1, of those that match. $1 holds the columns
// one after the other, n values each; $2 the constants, the filter's own behind offset others. Both sides are cast to
// the column's type without modifier; unknown counts as no match, negated or not.
func (f *rowFilter) statement(t *table, n, from, to, offset int) string {
	terms := make([]string, len(f.conditions))
	for i := range f.conditions {
		c := &f.conditions[i]
		at := t.columnIndex(c.Column)
		terms[i] = c.sql(&t.columns[at], "r.v"+strconv.Itoa(slices.Index(f.columns, at)+1), fmt.Sprintf("($2)[%d]", offset+i+1))
	}
	return "select pg_catalog.array_agg(r.n::text) from " + unnest(n, from, to, len(f.columns), "r", "v") +
		" where " + strings.Join(terms, " and ")
}

// unnest is a table of rows from+1 to to of n, made of $1, with columns called prefix and number, and the row's position
// as n. (Only the unqualified unnest takes several arrays; rows from does the same with a name that is nobody else's.)
func unnest(n, from, to, columns int, alias, prefix string) string {
	var b strings.Builder
	b.WriteString("rows from (")
	for i := range columns {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "pg_catalog.unnest(($1)[%d:%d])", i*n+from+1, i*n+to)
	}
	b.WriteString(") with ordinality as " + alias + "(")
	for i := range columns {
		fmt.Fprintf(&b, "%s%d, ", prefix, i+1)
	}
	b.WriteString("n)")
	return b.String()
}

// sql is the condition on the text value v with the text constant k.
func (c Condition) sql(col *column, v, k string) string {
	not := ""
	if c.Negate {
		not = "not "
	}
	typed := "(" + v + ")::" + col.plainType
	constant := "(" + k + ")::" + col.plainType
	switch c.Op {
	case Is:
		if c.Value == "null" {
			return "(" + v + " is " + not + "null)"
		}
		return "((" + v + ")::bool is " + not + c.Value + ")" // one of three words, checked at subscribe
	case IsDistinct:
		if c.Negate {
			return "(" + typed + " is not distinct from " + constant + ")"
		}
		return "(" + typed + " is distinct from " + constant + ")"
	case In:
		return not + "(" + typed + " = any((" + k + ")::" + col.plainType + "[]))"
	case Eq, Neq, Lt, Lte, Gt, Gte, Like, ILike, Match, IMatch:
	}
	return not + "(" + typed + " " + sqlOperator[c.Op] + " " + constant + ")"
}

var sqlOperator = map[Operator]string{
	Eq: "=", Neq: "<>", Lt: "<", Lte: "<=", Gt: ">", Gte: ">=", Like: "like", ILike: "ilike", Match: "~", IMatch: "~*",
}

// conditionsKey identifies a list of conditions.
func conditionsKey(conditions []Condition) string {
	var b strings.Builder
	for _, c := range conditions {
		fmt.Fprintf(&b, "%q %v %s %q,", c.Column, c.Negate, c.Op, c.Value)
	}
	return b.String()
}

// filterText is a value as filters see it, nil for NULL. Filters look at the JSON of a value as much as at the value:
// bytea has no \x there, and what JSON cannot say, or says as null, is NULL.
func filterText(c *column, v wal.Value) *string {
	if v.Kind != wal.Text {
		return nil
	}
	text := string(v.Data)
	switch c.oid {
	case 17: // bytea
		text = strings.TrimPrefix(text, `\x`)
	case 700, 701, 1700: // float4, float8, numeric
		if text == "NaN" || strings.HasSuffix(text, "Infinity") {
			return nil
		}
	case 3802: // jsonb
		if text == "null" {
			return nil
		}
	}
	return &text
}
