package changes

import (
	"cmp"
	"context"
	"slices"
	"time"
)

// job is a question about policies: which of the principals may see which of the rows. All of them are of one plan, and
// are asked in one way.
type job struct {
	plan       *plan
	tier       tier
	rows       []*batchRow
	olds       []*batchRow // whose old images are asked about, too
	principals []*principal
	looks      int      // the batch's when the rows were looked for in their table
	asks       *inquiry // of T3; made when needed
}

// evaluator answers jobs by noting what each principal may see (allowed) and what could not be asked (fail).
type evaluator func(*Engine, context.Context, *batch, *job) error

// evaluator returns who answers jobs of a tier, nil where no question is asked of each principal.
func (t tier) evaluator() evaluator {
	switch t {
	case tierClaims:
		return (*Engine).askEach
	case tierReread:
		return (*Engine).reread
	case tierProbe:
		return (*Engine).probe
	case tierOpen, tierDeny, tierJoin:
	}
	return nil
}

// asks reports whether the tier's rows are decided by a question.
func (t tier) asks() bool { return t != tierOpen && t != tierDeny }

// mustAsk reports whether the batch needs more than the catalog to be decided. Candidates of a denying plan are dropped
// on the way.
func (e *Engine) mustAsk(b *batch) bool {
	ask := false
	for _, r := range b.rows {
		kept := r.candidates[:0]
		for _, en := range r.candidates {
			del := opIndex(r.Op) == opDelete
			if !del && en.fault == noFault && en.plan.tier == tierDeny {
				if en.plan.broken != nil {
					b.fail(en.table, en.plan.broken, nil, en.sub.principal)
				}
				continue
			}
			kept = append(kept, en)
			ask = ask || en.needsFilter(r) || !del && en.fault == noFault && en.plan.tier.asks()
		}
		r.candidates = kept
		ask = ask || len(r.pools) > 0 || r.wanted() && r.incomplete(e)
	}
	return ask
}

// incomplete reports whether something of the row has to be computed.
func (r *batchRow) incomplete(e *Engine) bool {
	for i := range r.mapping.table.columns {
		col := &r.mapping.table.columns[i]
		if col.generated && col.expression != "" || e.catalog.types.NeedsDatabase(col.oid) {
			return true
		}
	}
	return false
}

// secured reports whether policies decide about the entry and row.
func (e *entry) secured(r *batchRow) bool {
	return opIndex(r.Op) != opDelete && e.fault == noFault && e.plan.tier.asks()
}

// access asks the policies and takes those candidates off who may not see the rows.
func (e *Engine) access(ctx context.Context, b *batch) error {
	b.unpool()
	joins := b.joins()
	for _, j := range joins {
		e.counts.asks(tierJoin, len(j.all)+len(j.pairs))
		if err := e.join(ctx, b, j); err != nil {
			return err
		}
	}
	jobs := b.jobs()
	var stored []*job // that are asked about rows in their tables
	for _, j := range jobs {
		if j.tier != tierClaims {
			stored = append(stored, j)
		}
	}
	if len(stored) > 0 {
		if err := e.current(ctx, b, stored); err != nil {
			return err
		}
	}
	for _, j := range jobs {
		if len(j.rows) == 0 {
			continue
		}
		e.counts.asks(j.tier, len(j.rows)*len(j.principals))
		if err := j.tier.evaluator()(e, ctx, b, j); err != nil {
			return err
		}
	}
	if err := e.shadow(ctx, b, joins, jobs); err != nil {
		return err
	}
	for _, r := range b.rows {
		kept := r.candidates[:0]
		for _, en := range r.candidates {
			if !en.secured(r) || r.visibleTo(en, b) {
				kept = append(kept, en)
			}
		}
		r.candidates = kept
		r.settle(b)
	}
	return nil
}

// visibleTo reports whether the policies let the entry's principal see the row.
func (r *batchRow) visibleTo(en *entry, b *batch) bool {
	if en.sub.principal.may(r, false, b) || en.group != nil && en.group.may(r, false, b) {
		return true
	}
	a := r.answer(en.plan)
	return en.group != nil && a != nil && a.anyone
}

// settle adds those pooled entries to the settled ones whose group sees the row.
func (r *batchRow) settle(b *batch) {
	for _, x := range r.pools {
		a := r.answer(x.plan)
		switch {
		case a == nil:
		case a.anyone:
			r.settled = append(r.settled, x.order...)
		case len(a.groups) < len(x.audiences):
			slices.SortFunc(a.groups, func(g, h *claimsGroup) int { return cmp.Compare(g.id, h.id) })
			for _, g := range a.groups {
				if listeners := x.audiences[g]; listeners != nil {
					r.settled = append(r.settled, listeners)
				}
			}
		default:
			for _, listeners := range x.order {
				if listeners.group.may(r, false, b) {
					r.settled = append(r.settled, listeners)
				}
			}
		}
	}
	r.pools = nil
}

// way is how an entry's policies are asked about a row: the plan's tier, or the next one that can be.
func (e *entry) way(r *batchRow) tier {
	switch t := e.plan.tier; {
	case t != tierJoin && t != tierClaims:
		return t
	case !r.imaged(e.plan):
		return tierReread
	case t == tierJoin && (e.group == nil || r.narrow):
		return tierClaims
	default:
		return t
	}
}

// breather serves the inbox between slices of a long batch, under a new snapshot afterwards: a subscription must not
// wait for somebody else's slow policy.
func (e *Engine) breather(ctx context.Context, b *batch) error {
	if b.calm || time.Since(b.looked) < sliceTime || !e.waiting() {
		return nil
	}
	if err := e.session.commit(ctx); err != nil {
		return err
	}
	known := e.catalog
	if err := e.inbox(ctx); err != nil {
		return err
	}
	b.looked = time.Now()
	if e.catalog != known || e.catalog.fingerprint == staleFingerprint {
		return errStale
	}
	return e.await(ctx, b, true)
}
