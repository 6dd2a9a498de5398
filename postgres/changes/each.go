package changes

import (
	"context"
	"time"

	"realtime/postgres"
)

// eachAlone bounds the question about one row and claims.
const eachAlone = 250 * time.Millisecond

// askEach asks about row images claims by claims (T2), in one call of a function for many of them, cut into slices like
// those of T3. It is also how errors of T1 are narrowed down: whatever still raises one here denies this row to these
// claims.
func (e *Engine) askEach(ctx context.Context, b *batch, j *job) error {
	units := make([]unit, 0, len(j.rows)+len(j.olds))
	for _, r := range j.rows {
		units = append(units, unit{batchRow: r})
	}
	for _, r := range j.olds {
		units = append(units, unit{batchRow: r, old: true})
	}
	var trusted, suspects []*principal
	for _, p := range j.principals {
		switch {
		case j.plan.blockedFor(p).closed(b.now) || j.plan.slow.closed(b.now):
			b.fail(j.plan.table, &evalError{state: "57014"}, nil, p)
		case j.plan.suspects[p] || p.groupOf(j.plan) == nil:
			suspects = append(suspects, p)
		default:
			trusted = append(trusted, p)
		}
	}
	if err := e.eachSlices(ctx, b, j.plan, trusted, units, false); err != nil {
		return err
	}
	return e.eachSlices(ctx, b, j.plan, suspects, units, true)
}

// eachSlices asks for some principals, as many at a time as the plan's pace says.
func (e *Engine) eachSlices(ctx context.Context, b *batch, p *plan, rest []*principal, units []unit, careful bool) error {
	for len(rest) > 0 {
		slice := min(max(p.pace, 1), len(rest))
		part := rest[:slice]
		rest = rest[slice:]
		began := time.Now()
		if err := e.eachPart(ctx, b, p, part, units, careful); err != nil {
			return err
		}
		p.keepPace(slice, time.Since(began))
		if err := e.breather(ctx, b); err != nil {
			return err
		}
	}
	return nil
}

// eachPart asks some principals about some rows, and narrows an error down: to the claims, then to the row and claims.
func (e *Engine) eachPart(ctx context.Context, b *batch, p *plan, part []*principal, units []unit, careful bool) error {
	limit := rereadLimit
	if len(part) == 1 && len(units) == 1 {
		limit = eachAlone
	}
	failed, err := e.eachCall(ctx, b, p, part, units, careful, limit)
	switch {
	case e.fatal(ctx, b, err):
		return err
	case err != nil && !careful && !postgres.IsQueryCanceled(err):
		return e.eachPart(ctx, b, p, part, units, true)
	case err != nil && len(part) > 1:
		for i := range part {
			if err := e.eachPart(ctx, b, p, part[i:i+1], units, true); err != nil {
				return err
			}
		}
		return nil
	case err != nil:
		failed = map[*principal]error{part[0]: err}
	default:
		for _, who := range part {
			if failed[who] == nil {
				p.blockedFor(who).pardon()
			}
		}
	}
	for who, cause := range failed {
		if err := e.eachFailed(ctx, b, p, who, units, cause); err != nil {
			return err
		}
	}
	return nil
}

// eachFailed deals with an error of one principal: each row alone, then no more.
func (e *Engine) eachFailed(ctx context.Context, b *batch, p *plan, who *principal, units []unit, cause error) error {
	p.suspect(who)
	if len(units) > 1 {
		blocked := p.blockedFor(who)
		for i := range units {
			if blocked.closed(b.now) || p.slow.closed(b.now) {
				break
			}
			if err := e.eachPart(ctx, b, p, []*principal{who}, units[i:i+1], true); err != nil {
				return err
			}
		}
		return nil
	}
	if postgres.IsQueryCanceled(cause) {
		p.strike(b, who)
	}
	if !units[0].old {
		b.fail(p.table, asEvalError(cause), nil, who)
	}
	return nil
}

// strike notes that a question about one row and principal ran into its timeout.
func (p *plan) strike(b *batch, who *principal) {
	blocked := p.blockedFor(who)
	blocked.strike(b, quarantineAfter)
	if blocked.closed(b.now) {
		p.slow.strike(b, slowAfter)
	}
}

// eachCall makes one call. Those whose statement raised an error are returned with it; the error is for the whole call.
func (e *Engine) eachCall(ctx context.Context, b *batch, p *plan, part []*principal, units []unit, careful bool, limit time.Duration) (map[*principal]error, error) {
	said, err := e.findings(ctx, p, limit, p.claimsName(), part, len(units), append([]any{careful, len(units)}, p.image.arrays(units)...)...)
	failed := map[*principal]error{}
	for i, f := range said {
		if f.err != nil {
			failed[part[i]] = f.err
		}
		for _, n := range f.seen {
			part[i].allowed(units[n-1].batchRow, units[n-1].old, b)
		}
	}
	return failed, err
}
