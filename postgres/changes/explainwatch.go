package changes

import (
	"context"
	"errors"
	"fmt"

	"realtime/postgres/wal"
)

// Watch explains every event of the question's table that comes from in, in order, until in is closed, ctx ends or the
// connection is lost: what commits after ready was called is decided as an [Engine] with this one member would. ready is told
// the warnings of the subscription; report gets one explanation for each row. An error of either ends Watch. If nothing could
// ever arrive the error is [RefusedError].
func Watch(ctx context.Context, o Options, q Question, in <-chan *wal.Tx, ready func(warnings []string) error, report func(*Explanation) error) error {
	x, err := newExplainer(ctx, o, q)
	if err != nil {
		return err
	}
	defer x.e.close(ctx)
	if p, open, err := x.begin(ctx, wal.Insert); err != nil {
		return err
	} else if !open && (x.sub == nil || p.out.At == StepSubscription) {
		return &RefusedError{Explanation: p.end()}
	}
	if err := ready(x.answer.Warnings); err != nil {
		return err
	}
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case tx, open := <-in:
			if !open {
				return nil
			}
			for i := range tx.Rows {
				if err := x.watchRow(ctx, tx, i, report); err != nil {
					return err
				}
			}
		}
	}
}

// RefusedError is the error of [Watch] when there is nothing to watch.
type RefusedError struct{ Explanation *Explanation }

// Error says at which step and why.
func (r *RefusedError) Error() string {
	for _, s := range r.Explanation.Steps {
		if s.State == Stopped {
			return fmt.Sprintf("the subscription would hear nothing (%s): %s", s.Name, s.Detail)
		}
	}
	return "the subscription would hear nothing"
}

// watchRow explains one row of a transaction, anew if the catalog changed under it.
func (x *explainer) watchRow(ctx context.Context, tx *wal.Tx, i int, report func(*Explanation) error) error {
	alone := *tx
	alone.Rows, alone.Last = tx.Rows[i:i+1], false
	for range maxLooks {
		err := x.e.wholeCatalog(ctx)
		if err == nil && len(x.sub.entries) == 0 { // the table may be back
			err = x.e.renew(ctx)
		}
		if err != nil {
			return err
		}
		if len(x.sub.entries) == 0 || x.sub.entries[0].table.oid != tx.Rows[i].Rel.OID {
			return nil
		}
		p := newPath(x, tx.Rows[i].Op)
		p.pass(StepPublication, "")
		p.pass(StepSubscription, "")
		err = p.walk(ctx, &alone, true)
		switch {
		case err == nil:
			return report(p.end())
		case ctx.Err() != nil:
			return ctx.Err()
		case x.e.session.lost():
			return errors.Join(errConnection, err)
		case errors.Is(err, errStale):
			err = x.e.rollbackAndRenew(ctx)
		default:
			err = x.e.survive(ctx, err, "explain a row")
		}
		if err != nil {
			return err
		}
	}
	return fmt.Errorf("explain a row of %s: %w", x.name(), errAgain)
}
