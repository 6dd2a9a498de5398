package changes

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"realtime/postgres"
	"realtime/postgres/wal"
)

const (
	// joinLimit bounds one call about many rows and all claims; sliceTime is what it should take.
	joinLimit = 2 * time.Second
	// fewGroups is up to how many groups a row is asked about pair by pair, instead of about all claims there are.
	fewGroups = 16
	// maxPairs bounds the pairs of one call.
	maxPairs = 20_000
)

// join asks one plan's questions (T1): one statement for all rows and claims.
func (e *Engine) join(ctx context.Context, b *batch, j *joinAsk) error {
	for rest := j.all; len(rest) > 0; {
		n := min(max(j.plan.rowPace, 1), len(rest))
		began := time.Now()
		if err := e.joinAll(ctx, b, j.plan, rest[:n]); err != nil {
			return err
		}
		rest = rest[n:]
		next := float64(n) * float64(sliceTime) / float64(max(time.Since(began), time.Millisecond))
		j.plan.rowPace = min(max(int(next), 1), 4*n, maxBatchRows)
		if err := e.breather(ctx, b); err != nil {
			return err
		}
	}
	for rest := j.pairs; len(rest) > 0; {
		n, pairs := 0, 0
		for n < len(rest) && (n == 0 || pairs+len(rest[n].groups) <= maxPairs) {
			pairs += len(rest[n].groups)
			n++
		}
		if err := e.joinPairs(ctx, b, j.plan, rest[:n]); err != nil {
			return err
		}
		rest = rest[n:]
		if err := e.breather(ctx, b); err != nil {
			return err
		}
	}
	return nil
}

// joinAll asks about all claims. An error is narrowed down to the rows that raise it; those are asked about claims by
// claims.
func (e *Engine) joinAll(ctx context.Context, b *batch, p *plan, units []unit) error {
	err := e.joinCall(ctx, b, p, units, joinWhole)
	if err != nil && !e.fatal(ctx, b, err) && len(units) > 1 && !postgres.IsQueryCanceled(err) {
		err = e.joinCall(ctx, b, p, units, joinRows)
	}
	return e.halve(ctx, b, p, units, err, e.joinAll)
}

// joinPairs asks about few groups of each row.
func (e *Engine) joinPairs(ctx context.Context, b *batch, p *plan, units []unit) error {
	err := e.joinCall(ctx, b, p, units, joinGiven)
	return e.halve(ctx, b, p, units, err, e.joinPairs)
}

// halve asks again about each half of what an error was raised for, down to the row that raises it.
func (e *Engine) halve(ctx context.Context, b *batch, p *plan, units []unit, err error, again func(context.Context, *batch, *plan, []unit) error) error {
	switch {
	case err == nil:
		return nil
	case e.fatal(ctx, b, err):
		return err
	case len(units) == 1:
		units[0].narrowDown(p)
		return nil
	}
	half := len(units) / 2
	if err := again(ctx, b, p, units[:half]); err != nil {
		return err
	}
	return again(ctx, b, p, units[half:])
}

// narrowDown leaves a row that raised an error to be asked about claims by claims. An old image is not shown then.
func (u *unit) narrowDown(p *plan) {
	if u.old {
		return
	}
	u.narrow = true
	for i := 0; i < len(u.pools); i++ {
		if x := u.pools[i]; x.plan == p {
			u.empty(x)
			i--
		}
	}
}

// The modes of the plan's function.
const (
	joinWhole = iota
	joinRows
	joinGiven
)

// joinCall calls the plan's function and notes what it says.
func (e *Engine) joinCall(ctx context.Context, b *batch, p *plan, units []unit, mode int) error {
	groups, numbers := []int32{}, []int32{}
	if mode == joinGiven {
		for i := range units {
			for _, g := range units[i].groups {
				groups, numbers = append(groups, g.id), append(numbers, int32(i+1))
			}
		}
	}
	type hit struct{ groups, rows []int32 }
	var hits []hit
	var failed []int
	scan := func(r pgx.Rows) error {
		var k int
		var h hit
		var state *string
		if err := r.Scan(&k, &h.groups, &h.rows, &state); err != nil {
			return err
		}
		if k < 0 || k > len(units) || len(h.groups) != len(h.rows) {
			return fmt.Errorf("row %d of %d", k, len(units))
		}
		if state != nil {
			failed = append(failed, k-1)
			return nil
		}
		hits = append(hits, h)
		return nil
	}
	args := append([]any{p.role, len(units), mode, groups, numbers}, p.image.arrays(units)...)
	sql := callSQL("realtime_k, realtime_gs, realtime_ns, realtime_state", p.joinName(), len(args))
	if err := e.session.guarded(ctx, joinLimit, styleOwn, scan, sql, args...); err != nil {
		return err
	}
	for _, h := range hits {
		for i, id := range h.groups {
			n := int(h.rows[i])
			if n < 1 || n > len(units) {
				return fmt.Errorf("row %d of %d", n, len(units))
			}
			units[n-1].note(b, p, id)
		}
	}
	for _, n := range failed {
		units[n].narrowDown(p)
	}
	return nil
}

// note keeps one answer: the group, or everybody, may see the unit.
func (u *unit) note(b *batch, p *plan, id int32) {
	a := u.answer(p)
	if id == 0 {
		if u.old {
			a.anyoneOld = true
		} else {
			a.anyone = true
		}
		return
	}
	g := p.image.claims.byID[id]
	if g == nil || g.may(u.batchRow, u.old, b) {
		return
	}
	g.allowed(u.batchRow, u.old, b)
	if !u.old {
		a.groups = append(a.groups, g)
	}
}

// arrays lays the images out, an array for each column.
func (m *imaging) arrays(units []unit) []any {
	out := make([]any, len(m.columns))
	for n, column := range m.columns {
		values := make([]*string, len(units))
		for i := range units {
			if v, ok := units[i].imageValue(column, units[i].old); ok && v.Kind == wal.Text {
				text := string(v.Data)
				values[i] = &text
			}
		}
		out[n] = values
	}
	return out
}
