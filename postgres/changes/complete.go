package changes

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"realtime/postgres/wal"
)

// completeLimit bounds the evaluation of what the stream lacks, for one table of a batch.
const completeLimit = 2 * time.Second

// ordinal names the row number beside a table's own columns.
const ordinal = `"realtime row number"`

// completing is one value to be computed for some rows: a generated column, or the JSON of a type that only Postgres can
// make.
type completing struct {
	column int
	old    bool // of the old row
	json   bool
	rows   []*batchRow
	reads  []int // columns it is computed from
}

// complete computes, as the table's owner, what the stream does not have of the rows that somebody wants. What cannot be
// computed is left out of the record.
func (e *Engine) complete(ctx context.Context, b *batch) error {
	byTable := map[*table][]*batchRow{}
	var tables []*table
	for _, r := range b.rows {
		t := r.mapping.table
		if byTable[t] == nil {
			tables = append(tables, t)
		}
		byTable[t] = append(byTable[t], r)
	}
	for _, t := range tables {
		for i := range t.columns {
			for _, c := range e.completings(t, i, byTable[t]) {
				if err := e.compute(ctx, t, c); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// completings returns what has to be computed of one column, in order: the value before its JSON.
func (e *Engine) completings(t *table, column int, rows []*batchRow) []*completing {
	col := &t.columns[column]
	var out []*completing
	if col.generated && col.expression != "" {
		for _, old := range []bool{false, true} {
			c := &completing{column: column, old: old, reads: t.readBy(col)}
			for _, r := range rows {
				if _, streamed := r.imageValue(column, old); !streamed && r.computable(c) {
					c.rows = append(c.rows, r)
				}
			}
			out = append(out, c)
		}
	}
	if e.catalog.types.NeedsDatabase(col.oid) {
		out = append(out, &completing{column: column, json: true, rows: rows, reads: []int{column}},
			&completing{column: column, json: true, old: true, rows: rows, reads: []int{column}})
	}
	return out
}

// readBy returns the columns that a generated one is computed from; all of them when that is not known.
func (t *table) readBy(col *column) []int {
	var out []int
	for i := range t.columns {
		if other := &t.columns[i]; !other.generated && (col.reads == nil || col.reads[other.number] || col.reads[0]) {
			out = append(out, i)
		}
	}
	return out
}

// computable reports whether the stream has everything that the value is computed from. Of an old row that is so only
// when it is whole.
func (r *batchRow) computable(c *completing) bool {
	if c.old && r.OldKind != wal.OldFull {
		return false
	}
	for _, column := range c.reads {
		if _, ok := r.imageValue(column, c.old); !ok {
			return false
		}
	}
	return c.old || opIndex(r.Op) != opDelete
}

// compute evaluates one completing over its rows, and row by row if that fails.
func (e *Engine) compute(ctx context.Context, t *table, c *completing) error {
	values := e.inputs(c)
	if len(c.rows) == 0 {
		return nil
	}
	n := len(c.rows)
	results, err := e.session.evaluate(ctx, completeLimit, styleWire, t.owner, "", []string{c.statement(t, n, 0, n)}, values, nil)
	if err == nil && results[0].err == nil && len(results[0].values) == n {
		for i, r := range c.rows {
			r.put(c, results[0].values[i])
		}
		return nil
	}
	if e.session.lost() || ctx.Err() != nil {
		return err
	}
	if err != nil {
		e.o.Log.Warn("postgres changes: values could not be completed", "table", t.name.String(), "err", err.Error())
		return nil
	}
	statements := make([]string, n)
	for i := range n {
		statements[i] = c.statement(t, n, i, i+1)
	}
	results, err = e.session.evaluate(ctx, completeLimit, styleWire, t.owner, "", statements, values, nil)
	if err != nil {
		if e.session.lost() || ctx.Err() != nil {
			return err
		}
		return nil
	}
	for i, r := range c.rows {
		if results[i].err == nil && len(results[i].values) == 1 {
			r.put(c, results[i].values[0])
		}
	}
	return nil
}

// inputs lays out the values that are computed from, and drops the rows that have nothing to compute from.
func (e *Engine) inputs(c *completing) []*string {
	if c.json {
		var out []*string
		rows := c.rows[:0:0]
		for _, r := range c.rows {
			if v, ok := r.imageValue(c.column, c.old); ok && v.Kind == wal.Text {
				text := string(v.Data)
				rows, out = append(rows, r), append(out, &text)
			}
		}
		c.rows = rows
		return out
	}
	out := make([]*string, 0, len(c.reads)*len(c.rows))
	for _, column := range c.reads {
		for _, r := range c.rows {
			var text *string
			if v, _ := r.imageValue(column, c.old); v.Kind == wal.Text {
				s := string(v.Data)
				text = &s
			}
			out = append(out, text)
		}
	}
	return out
}

// statement computes the values of rows from+1 to to of n, in order.
func (c *completing) statement(t *table, n, from, to int) string {
	if c.json {
		return "select pg_catalog.array_agg(pg_catalog.to_jsonb((r.v1)::" + t.columns[c.column].sqlType + ")::text order by r.n) from " +
			unnest(n, from, to, 1, "r", "v")
	}
	if len(c.reads) == 0 { // a constant
		return fmt.Sprintf("select pg_catalog.array_agg(%s) from (select (%s) as x from pg_catalog.generate_series(%d, %d)) s",
			outputText("s.x"), t.columns[c.column].expression, from+1, to)
	}
	var inner strings.Builder
	for i, column := range c.reads {
		col := &t.columns[column]
		inner.WriteString("(q.v" + strconv.Itoa(i+1) + ")::" + col.sqlType + " as " + pgx.Identifier{col.name}.Sanitize() + ", ")
	}
	return "select pg_catalog.array_agg(" + outputText("s.x") + " order by s.n) from (select r." + ordinal + " as n, (" +
		t.columns[c.column].expression + ") as x from (select " + inner.String() + "q.n as " + ordinal + " from " +
		unnest(n, from, to, len(c.reads), "q", "v") + ") r) s"
}

// outputText is the text that a value's output function makes, NULL for NULL: a cast to text is not that for every type,
// and "is null" is true of a row of NULLs.
func outputText(value string) string {
	return "case when pg_catalog.num_nulls(" + value + ") = 0 then pg_catalog.format('%s', " + value + ") end"
}

// put keeps a computed value.
func (r *batchRow) put(c *completing, text *string) {
	if r.completed == nil {
		r.completed = map[completedKey]completion{}
	}
	k := completedKey{c.column, c.old}
	done := r.completed[k]
	switch {
	case c.json:
		done.json = []byte(deref(text))
	case text == nil:
		done.value = wal.Value{Kind: wal.Null}
	default:
		done.value = wal.Value{Kind: wal.Text, Data: []byte(*text)}
	}
	r.completed[k] = done
}

// completedKey is a column of the new or old row.
type completedKey struct {
	column int
	old    bool
}

// imageValue returns a column of the new or old row, computed ones included.
func (r *batchRow) imageValue(column int, old bool) (wal.Value, bool) {
	if done, ok := r.completed[completedKey{column, old}]; ok && done.value.Kind != 0 {
		return done.value, true
	}
	if old {
		return r.mapping.old(r.Row, column)
	}
	if opIndex(r.Op) == opDelete {
		return wal.Value{}, false
	}
	return r.mapping.full(r.Row, column)
}

// filterValue returns a column as filters see it.
func (r *batchRow) filterValue(column int) (wal.Value, bool) {
	if done, ok := r.completed[completedKey{column, opIndex(r.Op) == opDelete}]; ok && done.value.Kind != 0 {
		return done.value, true
	}
	return r.mapping.value(r.Row, column)
}
