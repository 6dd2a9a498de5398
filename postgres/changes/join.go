package changes

import (
	"context"
	"fmt"
	"slices"
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

// answer is what a plan of T1 says about one row.
type answer struct {
	plan              *plan
	imaged            bool           // the stream has every column that the policies look at
	groups            []*claimsGroup // who may see it
	anyone, anyoneOld bool           // whatever the claims, the row or its old image
}

// answer returns the row's answer of a plan, nil if it was not asked.
func (r *batchRow) answer(p *plan) *answer {
	for _, a := range r.answers {
		if a.plan == p {
			return a
		}
	}
	return nil
}

// imaged reports whether policies can be asked about the row's image.
func (r *batchRow) imaged(p *plan) bool {
	a := r.answer(p)
	if a == nil {
		a = &answer{plan: p, imaged: r.hasImage(p, false)}
		r.answers = append(r.answers, a)
	}
	return a.imaged
}

// hasImage reports whether the stream has all columns that the policies look at, of the types that they have now.
func (r *batchRow) hasImage(p *plan, old bool) bool {
	for _, column := range p.image.columns {
		at := r.mapping.position[column]
		if at < 0 || r.Rel.Columns[at].Type != p.table.columns[column].oid {
			return false
		}
		if _, ok := r.imageValue(column, old); !ok {
			return false
		}
	}
	return true
}

// unit is a row, or its old image, that is asked about.
type unit struct {
	*batchRow
	old    bool
	groups []*claimsGroup // in question; nil for all
}

// joinAsk is what a batch asks of one plan of T1.
type joinAsk struct {
	plan       *plan
	all, pairs []unit
}

// unpool puts pooled entries among the candidates where the row's image does not suffice.
func (b *batch) unpool() {
	for _, r := range b.rows {
		for i := 0; i < len(r.pools); i++ {
			if x := r.pools[i]; !r.imaged(x.plan) {
				r.empty(x)
				i--
			}
		}
	}
}

// empty turns the entries of a pool into candidates.
func (r *batchRow) empty(x *pool) {
	for _, a := range x.audiences {
		r.candidates = append(r.candidates, a.entries...)
	}
	r.pools = slices.DeleteFunc(slices.Clone(r.pools), func(o *pool) bool { return o == x })
}

// joins makes the questions for plans of T1.
func (b *batch) joins() []*joinAsk {
	var out []*joinAsk
	asks := map[*plan]*joinAsk{}
	wanted := map[*plan]*unit{}
	for _, r := range b.rows {
		clear(wanted)
		want := func(p *plan, groups int) *unit {
			u := wanted[p]
			if u == nil {
				u = &unit{batchRow: r, groups: []*claimsGroup{}}
				wanted[p] = u
			}
			if u.groups != nil && len(u.groups)+groups > fewGroups {
				u.groups = nil
			}
			return u
		}
		for _, x := range r.pools {
			if u := want(x.plan, len(x.audiences)); u.groups != nil {
				for g := range x.audiences {
					u.groups = append(u.groups, g)
				}
			}
		}
		for _, en := range r.candidates {
			if en.secured(r) && en.way(r) == tierJoin {
				if u := want(en.plan, 1); u.groups != nil && !slices.Contains(u.groups, en.group) {
					u.groups = append(u.groups, en.group)
				}
			}
		}
		for p, u := range wanted {
			j := asks[p]
			if j == nil {
				j = &joinAsk{plan: p}
				asks[p] = j
				out = append(out, j)
			}
			j.add(*u)
			if r.differs(p) && r.hasImage(p, true) {
				u.old = true
				j.add(*u)
			}
		}
	}
	return out
}

func (j *joinAsk) add(u unit) {
	if u.groups == nil || len(u.groups) >= len(j.plan.image.claims.byID) {
		j.all = append(j.all, u)
	} else {
		j.pairs = append(j.pairs, u)
	}
}

// olds returns those rows whose old images are to be asked about as well.
func (b *batch) olds(p *plan, rows []*batchRow) []*batchRow {
	var out []*batchRow
	for _, r := range rows {
		if r.differs(p) && r.hasImage(p, true) {
			out = append(out, r)
		}
	}
	return out
}

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
	if err := e.joinAll(ctx, b, p, units[:half]); err != nil {
		return err
	}
	return e.joinAll(ctx, b, p, units[half:])
}

// joinPairs asks about few groups of each row.
func (e *Engine) joinPairs(ctx context.Context, b *batch, p *plan, units []unit) error {
	err := e.joinCall(ctx, b, p, units, joinGiven)
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
	if err := e.joinPairs(ctx, b, p, units[:half]); err != nil {
		return err
	}
	return e.joinPairs(ctx, b, p, units[half:])
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
func (im *imaging) arrays(units []unit) []any {
	out := make([]any, len(im.columns))
	for n, column := range im.columns {
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
