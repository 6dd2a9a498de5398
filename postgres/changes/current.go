package changes

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"realtime/postgres/wal"
)

// currentLimit bounds the comparison of one table's images with its rows.
const currentLimit = 5 * time.Second

// current takes those rows out of the jobs that are not in their table any more as the event has them. Whoever reads a
// row again is asked about the row that is there now; were it another, an answer would show the old image to the new
// owner, or the new one's to the old. So a superseded event is nobody's.
//
// The Engine reads as itself, because the role may not see every column, and in the snapshot that the policies are asked
// in.
func (e *Engine) current(ctx context.Context, b *batch, jobs []*job) error {
	rows := map[*table][]*batchRow{}
	var tables []*table
	known := map[*batchRow]bool{}
	for _, j := range jobs {
		t := j.plan.table
		if rows[t] == nil {
			tables = append(tables, t)
		}
		for _, r := range j.rows {
			if !known[r] {
				known[r] = true
				rows[t] = append(rows[t], r)
			}
		}
	}
	is := newBits(len(b.rows))
	failed := map[*table]error{}
	for _, t := range tables {
		err := e.compare(ctx, t, rows[t], is)
		if e.fatal(ctx, b, err) {
			return err
		}
		failed[t] = err
	}
	for _, j := range jobs {
		j.looks, j.asks = b.looks, nil
		kept := j.rows[:0:0]
		for _, r := range j.rows {
			if is.has(r.number) {
				kept = append(kept, r)
			}
		}
		j.rows = kept
		if err := failed[j.plan.table]; err != nil {
			j.fail(b, err)
		}
	}
	return nil
}

// still looks again for rows that are superseded by now, if the snapshot is another than when that was done.
func (e *Engine) still(ctx context.Context, b *batch, j *job) error {
	if j.looks == b.looks {
		return nil
	}
	return e.current(ctx, b, []*job{j})
}

// compare marks the rows whose image is the table's current row, and notes where they are.
func (e *Engine) compare(ctx context.Context, t *table, rows []*batchRow, is bits) error {
	if !t.readable {
		return &evalError{state: "42501"}
	}
	var relations []*mapping // as a rule one
	byMapping := map[*mapping][]*batchRow{}
	for _, r := range rows {
		if byMapping[r.mapping] == nil {
			relations = append(relations, r.mapping)
		}
		byMapping[r.mapping] = append(byMapping[r.mapping], r)
	}
	for _, m := range relations {
		part := byMapping[m]
		args, ok := imageArrays(t, m, part)
		if !ok {
			continue // the key is not in the stream: nothing can be asked
		}
		err := e.session.guarded(ctx, currentLimit, styleWire, func(r pgx.Rows) error {
			var n int
			var place pgtype.TID
			if err := r.Scan(&n, &place); err != nil {
				return err
			}
			if n < 1 || n > len(part) {
				return fmt.Errorf("row %d of %d", n, len(part))
			}
			is.set(part[n-1].number)
			part[n-1].place = place
			return nil
		}, compareSQL(t, m), args...)
		if err != nil {
			return fmt.Errorf("compare rows of %s: %w", t.name.String(), err)
		}
	}
	return nil
}

// imageArrays lays out the keys and images of rows, an array for each column.
func imageArrays(t *table, m *mapping, rows []*batchRow) ([]any, bool) {
	args := make([]any, 0, len(t.key)+len(t.columns))
	for _, k := range t.key {
		keys, ok := keyArray(k.column, rows)
		if !ok {
			return nil, false
		}
		args = append(args, keys)
	}
	for i := range t.columns {
		if m.position[i] < 0 {
			continue
		}
		values := make([]*string, len(rows))
		for n, r := range rows {
			v, ok := m.full(r.Row, i)
			if !ok {
				continue // not known: NULL matches whatever is there
			}
			text := "n"
			if v.Kind == wal.Text {
				text = "t" + string(v.Data)
			}
			values[n] = &text
		}
		args = append(args, values)
	}
	return args, true
}

// keyArray returns one key column of the rows.
func keyArray(column int, rows []*batchRow) ([]string, bool) {
	out := make([]string, len(rows))
	for i, r := range rows {
		v, ok := r.imageValue(column, false)
		if !ok || v.Kind != wal.Text {
			return nil, false
		}
		out[i] = string(v.Data)
	}
	return out, true
}

// compareSQL joins images with the table by key and compares every streamed column by its output text.
func compareSQL(t *table, m *mapping) string {
	var from, names, on, where strings.Builder
	arg := 0
	for i, k := range t.key {
		arg++
		col := &t.columns[k.column]
		fmt.Fprintf(&from, "pg_catalog.unnest($%d::text[]::%s[]), ", arg, col.baseType)
		fmt.Fprintf(&names, "k%d, ", i+1)
		if i > 0 {
			on.WriteString(" and ")
		}
		fmt.Fprintf(&on, "t.%s %s k.k%d", pgx.Identifier{col.name}.Sanitize(), k.equals, i+1)
	}
	for i := range t.columns {
		if m.position[i] < 0 {
			continue
		}
		arg++
		fmt.Fprintf(&from, "pg_catalog.unnest($%d::text[]), ", arg)
		fmt.Fprintf(&names, "c%d, ", arg)
		value := "t." + pgx.Identifier{t.columns[i].name}.Sanitize()
		fmt.Fprintf(&where, ` and (k.c%[1]d is null or k.c%[1]d collate pg_catalog."C" = case when pg_catalog.num_nulls(%[2]s) = 1 then 'n' else 't' || pg_catalog.format('%%s', %[2]s) end)`, arg, value)
	}
	return "select k.n, t.ctid from rows from (" + strings.TrimSuffix(from.String(), ", ") + ") with ordinality as k(" + names.String() +
		"n) join " + t.only() + " as t on " + on.String() + " where true" + where.String()
}
