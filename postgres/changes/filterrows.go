package changes

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"realtime/postgres"
)

const (
	// filterLimit bounds the evaluation of many filters at once, filterAlone that of one.
	filterLimit = 500 * time.Millisecond
	filterAlone = 250 * time.Millisecond
	// filterBudget is how long filters of one batch may be asked alone, because many at once took too long. Whoever's turn
	// does not come is treated as if it had run into its timeout: it is from the same bunch.
	filterBudget = 2 * time.Second
	// maxFilters is how many filters are evaluated in one call.
	maxFilters = 100
)

// bits is a set of row numbers.
type bits []uint64

func newBits(n int) bits { return make(bits, (n+63)/64) }

func (b bits) set(i int)      { b[i/64] |= 1 << (i % 64) }
func (b bits) has(i int) bool { return b[i/64]&(1<<(i%64)) != 0 }

// filterGroup are filters that read the same columns of one table, and the rows they are asked about.
type filterGroup struct {
	table   *table
	path    string
	columns []int
	filters []*rowFilter
	rows    []*batchRow
	values  []*string // column after column
}

// needsFilter reports whether the entry's filter decides about the row: an error that goes to everybody skips it.
func (e *entry) needsFilter(r *batchRow) bool {
	return e.rest != nil && (e.fault == noFault || opIndex(r.Op) == opDelete)
}

// filter takes those candidates off whose filters, as Postgres sees them, the rows do not match.
func (e *Engine) filter(ctx context.Context, b *batch) error {
	matches := map[*rowFilter]bits{}
	for _, g := range groupFilters(b) {
		g.fill()
		for part := range slices.Chunk(g.filters, maxFilters) {
			if err := e.evaluateFilters(ctx, b, g, part, matches); err != nil {
				return err
			}
		}
	}
	for _, r := range b.rows {
		r.candidates = slices.DeleteFunc(r.candidates, func(en *entry) bool {
			return en.needsFilter(r) && (matches[en.rest] == nil || !matches[en.rest].has(r.number))
		})
	}
	return nil
}

// groupFilters finds the filters of the batch with the rows that at least one of each group is asked about.
func groupFilters(b *batch) []*filterGroup {
	groups := map[string]*filterGroup{}
	var order []*filterGroup
	asked := map[*rowFilter]bool{}
	for _, r := range b.rows {
		for _, en := range r.candidates {
			if !en.needsFilter(r) {
				continue
			}
			f := en.rest
			if f.broken != nil || f.blocked.closed(b.now) {
				b.fail(en.table, filterFailure(f), f, nil)
				continue
			}
			key := fmt.Sprint(en.table.oid, f.columns, f.path)
			g := groups[key]
			if g == nil {
				g = &filterGroup{table: en.table, path: f.path, columns: f.columns}
				groups[key] = g
				order = append(order, g)
			}
			if !asked[f] {
				asked[f] = true
				g.filters = append(g.filters, f)
			}
			if n := len(g.rows); (n == 0 || g.rows[n-1] != r) && r.hasAll(g.columns) {
				g.rows = append(g.rows, r)
			}
		}
	}
	return order
}

func filterFailure(f *rowFilter) error {
	if f.broken != nil {
		return f.broken
	}
	return &evalError{state: "57014", message: "the filter took too long"}
}

// hasAll reports whether the row has all the columns; a filter on one that is missing never matches.
func (r *batchRow) hasAll(columns []int) bool {
	for _, c := range columns {
		if _, ok := r.filterValue(c); !ok {
			return false
		}
	}
	return true
}

// fill lays the values of the rows out, column after column.
func (g *filterGroup) fill() {
	for _, c := range g.columns {
		for _, r := range g.rows {
			v, _ := r.filterValue(c)
			g.values = append(g.values, filterText(&g.table.columns[c], v))
		}
	}
}

// evaluateFilters asks Postgres about all rows of the group. Filters that fail are asked again alone, then row by row.
func (e *Engine) evaluateFilters(ctx context.Context, b *batch, g *filterGroup, filters []*rowFilter, matches map[*rowFilter]bits) error {
	if len(g.rows) == 0 {
		return nil
	}
	limit := filterLimit
	if len(filters) == 1 {
		limit = filterAlone
	}
	statements, constants := make([]string, len(filters)), []string{}
	for i, f := range filters {
		statements[i] = f.statement(g.table, len(g.rows), 0, len(g.rows), len(constants))
		constants = append(constants, f.constants()...)
	}
	results, err := e.session.evaluate(ctx, limit, styleFilter, g.table.owner, g.path, statements, g.values, constants)
	if err != nil {
		return e.narrowFilters(ctx, b, g, filters, matches, err)
	}
	for i, f := range filters {
		f.blocked.pardon()
		if err := results[i].err; err != nil {
			if err := e.filterRowByRow(ctx, b, g, f, matches, err); err != nil {
				return err
			}
			continue
		}
		set := newBits(len(b.rows))
		for _, text := range results[i].values {
			if n, err := strconv.Atoi(deref(text)); err == nil && n >= 1 && n <= len(g.rows) {
				set.set(g.rows[n-1].number)
			}
		}
		matches[f] = set
	}
	return nil
}

// narrowFilters deals with an error of a whole call: a timeout, as a rule.
func (e *Engine) narrowFilters(ctx context.Context, b *batch, g *filterGroup, filters []*rowFilter, matches map[*rowFilter]bits, err error) error {
	if e.session.lost() || ctx.Err() != nil {
		return err
	}
	if len(filters) == 1 {
		if postgres.IsQueryCanceled(err) {
			filters[0].blocked.strike(b, quarantineAfter)
		}
		b.fail(g.table, asEvalError(err), filters[0], nil)
		return nil
	}
	for i, f := range filters {
		if b.narrowing > filterBudget {
			f.blocked.strike(b, 1)
			b.fail(g.table, filterFailure(f), f, nil)
			continue
		}
		began := time.Now()
		if err := e.evaluateFilters(ctx, b, g, filters[i:i+1], matches); err != nil {
			return err
		}
		b.narrowing += time.Since(began)
	}
	return nil
}

// filterRowByRow asks about each row alone, so that an error costs the subscriber only the rows that raise it.
func (e *Engine) filterRowByRow(ctx context.Context, b *batch, g *filterGroup, f *rowFilter, matches map[*rowFilter]bits, cause *evalError) error {
	b.fail(g.table, cause, f, nil)
	if cause.permanent() {
		f.broken = cause
		return nil
	}
	statements := make([]string, len(g.rows))
	for i := range g.rows {
		statements[i] = f.statement(g.table, len(g.rows), i, i+1, 0)
	}
	results, err := e.session.evaluate(ctx, filterLimit, styleFilter, g.table.owner, g.path, statements, g.values, f.constants())
	if err != nil {
		return e.narrowFilters(ctx, b, g, []*rowFilter{f}, matches, err)
	}
	set := newBits(len(b.rows))
	for i, r := range g.rows {
		if results[i].err == nil && len(results[i].values) > 0 {
			set.set(r.number)
		}
	}
	matches[f] = set
	return nil
}
