package changes

import (
	"context"
	"encoding/binary"
	"time"
)

// job is a question about policies: which of the principals may see which of the rows. All of them are of one plan.
type job struct {
	plan       *plan
	rows       []*batchRow
	principals []*principal
	twins      [][]*batchRow // by row: all rows with its key; made when needed
}

// evaluator answers jobs by noting what each principal may see (allow) and what could not be asked (fail). Tiers that
// decide on the row image itself become more of them.
type evaluator func(*Engine, context.Context, *batch, *job) error

// evaluator returns who answers jobs of a tier, nil where no question is asked.
func (t tier) evaluator() evaluator {
	switch t {
	case tierReread:
		return (*Engine).reread
	case tierProbe:
		return (*Engine).probe
	case tierOpen, tierDeny:
	}
	return nil
}

// asks reports whether the tier's rows are decided by a question.
func (t tier) asks() bool { return t == tierReread || t == tierProbe }

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
		ask = ask || len(kept)+len(r.settled) > 0 && r.incomplete(e)
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
	jobs := b.jobs()
	if len(jobs) > 0 {
		if err := e.current(ctx, b, jobs); err != nil {
			return err
		}
	}
	for _, j := range jobs {
		if len(j.rows) == 0 {
			continue
		}
		if err := j.plan.tier.evaluator()(e, ctx, b, j); err != nil {
			return err
		}
	}
	for _, r := range b.rows {
		kept := r.candidates[:0]
		for _, en := range r.candidates {
			if !en.secured(r) || en.sub.principal.may(r, b) {
				kept = append(kept, en)
			}
		}
		r.candidates = kept
	}
	return nil
}

// wish is the rows that one principal wants under one plan.
type wish struct {
	plan *plan
	who  *principal
}

// jobs makes the questions of the batch. Principals that want the same rows share one.
func (b *batch) jobs() []*job {
	wishes := map[wish][]*batchRow{}
	var order []wish
	for _, r := range b.rows {
		for _, en := range r.candidates {
			if !en.secured(r) {
				continue
			}
			p := en.sub.principal
			if p.batch != b.serial {
				p.batch, p.allow = b.serial, nil
			}
			k := wish{en.plan, p}
			rows, known := wishes[k]
			if !known {
				order = append(order, k)
			}
			if len(rows) == 0 || rows[len(rows)-1] != r {
				wishes[k] = append(rows, r)
			}
		}
	}
	type sharedKey struct {
		plan *plan
		rows string
	}
	shared := map[sharedKey]*job{}
	var out []*job
	var buf []byte
	for _, k := range order {
		buf = buf[:0]
		for _, r := range wishes[k] {
			buf = binary.AppendUvarint(buf, uint64(r.number))
		}
		s := sharedKey{k.plan, string(buf)}
		j := shared[s]
		if j == nil {
			j = &job{plan: k.plan, rows: wishes[k]}
			shared[s] = j
			out = append(out, j)
		}
		j.principals = append(j.principals, k.who)
	}
	return out
}

// allowed notes that the principal may see the row.
func (p *principal) allowed(r *batchRow, b *batch) {
	if p.allow == nil {
		p.allow = newBits(len(b.rows))
	}
	p.allow.set(r.number)
}

// may reports whether the row was allowed in the batch. Nothing is by default.
func (p *principal) may(r *batchRow, b *batch) bool {
	return p.batch == b.serial && p.allow != nil && p.allow.has(r.number)
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
