package changes

import (
	"context"
	"math/rand/v2"
	"time"
)

// shadowPause is the least time between two shadow checks.
const shadowPause = 100 * time.Millisecond

// shadow compares one of many decisions on row images (T1 and T2) with a fresh statement that reads the row from its
// table as the role with the claims. Should they ever differ, images of that table are no longer trusted until the
// catalog changes, and the batch is decided anew.
func (e *Engine) shadow(ctx context.Context, b *batch, joins []*joinAsk, jobs []*job) error {
	for _, j := range joins {
		e.untilShadow -= len(j.all) + len(j.pairs)
	}
	for _, j := range jobs {
		if j.tier == tierClaims {
			e.untilShadow -= len(j.rows)
		}
	}
	if e.untilShadow > 0 || e.o.ShadowEvery < 0 || b.now.Sub(e.shadowed) < shadowPause {
		return nil
	}
	samples := samplesOf(b, joins, jobs)
	if len(samples) == 0 {
		return nil
	}
	e.untilShadow, e.shadowed = e.o.ShadowEvery, b.now
	s := samples[rand.IntN(len(samples))]
	is := newBits(len(b.rows))
	if err := e.compare(ctx, s.plan.table, []*batchRow{s.row}, is); err != nil || !is.has(s.row.number) {
		if e.fatal(ctx, b, err) {
			return err
		}
		return nil // superseded: the table cannot say any more
	}
	visible, err := e.oracle(ctx, s)
	if err != nil {
		if e.fatal(ctx, b, err) {
			return err
		}
		return nil // it took too long, which is no answer
	}
	e.counts.shadows.Add(1)
	if visible == s.visible {
		return nil
	}
	e.counts.mismatches.Add(1)
	e.limits[s.plan.table.oid] = tierReread
	e.o.Log.Error("postgres changes: a decision on the image of a row is not that of the table; images of this table are not trusted any more",
		"table", s.plan.table.name.String(), "role", s.plan.role, "tier", s.plan.tier.String(), "shown", s.visible)
	return errStale
}

// sample is one decision.
type sample struct {
	row     *batchRow
	plan    *plan
	who     *principal
	visible bool
}

// samplesOf draws decisions of the batch that were made on images. It looks at every listener of some rows: not for each batch.
func samplesOf(b *batch, joins []*joinAsk, jobs []*job) (samples []sample) {
	for _, j := range joins {
		for _, units := range [][]unit{j.all, j.pairs} {
			if len(units) > 0 {
				samples = append(samples, sampleOf(units[rand.IntN(len(units))].batchRow, j.plan, b)...)
			}
		}
	}
	for _, j := range jobs {
		if j.tier == tierClaims {
			r, who := j.rows[rand.IntN(len(j.rows))], j.principals[rand.IntN(len(j.principals))]
			samples = append(samples, sample{r, j.plan, who, who.may(r, false, b)})
		}
	}
	return samples
}

// sampleOf draws a decision of T1 about a row, one that shows it if there is one.
func sampleOf(r *batchRow, p *plan, b *batch) []sample {
	var out []sample
	for _, x := range r.pools {
		if x.plan != p {
			continue
		}
		for g, listeners := range x.audiences { // in any order
			a := r.answer(p)
			s := sample{r, p, listeners.entries[0].sub.principal, a.anyone || g.may(r, false, b)}
			if len(out) == 0 || s.visible && !out[0].visible && rand.IntN(2) == 0 {
				out = append(out[:0], s)
			}
		}
	}
	for _, en := range r.candidates {
		if en.plan == p && en.secured(r) && en.way(r) == tierJoin && rand.IntN(2) == 0 {
			return append(out, sample{r, p, en.sub.principal, r.visibleTo(en, b)})
		}
	}
	return out
}

// oracle asks a fresh statement whether the row is visible. An error of the policies is a no.
func (e *Engine) oracle(ctx context.Context, s sample) (bool, error) {
	if err := e.session.function(ctx, s.plan.probeName(), s.plan.probeSQL); err != nil {
		return false, err
	}
	hits, failed, err := e.probeRows(ctx, s.plan, s.who, []*batchRow{s.row}, probeAlone)
	if err == nil && failed != nil && passing(failed.state) {
		err = failed
	}
	return len(hits) > 0 && failed == nil, err
}

// best is the fastest tier that policies of a table may be asked in.
func (c *catalog) best(t *table) tier { return max(c.limits[0], c.limits[t.oid]) }
