package changes

import (
	"context"
	"errors"
	"fmt"

	"realtime/postgres/wal"
)

// Watcher is told what [Watch] sees, on its goroutine. An error of Ready or Report ends Watch.
type Watcher struct {
	// Ready is called once, with the warnings of the subscription: from now on every commit is explained.
	Ready func(warnings []string) error
	// Report gets one explanation for each row.
	Report func(*Explanation) error
	// Confirm gets the end of each transaction whose rows were reported.
	Confirm func(wal.LSN)
}

// Watch explains every event of the question's table that comes from in, in order, as an [Engine] with this one member
// decides it, until in is closed, ctx ends or the connection is lost. If nothing could ever arrive the error is
// [RefusedError].
func Watch(ctx context.Context, o Options, q Question, in <-chan *wal.Tx, w Watcher) error {
	x, err := newExplainer(ctx, o, q)
	if err != nil {
		return err
	}
	defer x.e.close(ctx)
	p, err := x.begin(ctx, wal.Insert)
	if err != nil {
		return err
	}
	if x.sub == nil {
		return &RefusedError{Explanation: p.out}
	}
	if err := w.Ready(x.answer.Warnings); err != nil {
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
				if err := x.watchRow(ctx, tx, i, w.Report); err != nil {
					return err
				}
			}
			if tx.Last {
				w.Confirm(tx.End)
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

// Mend is the SQL that would change that, if there is any.
func (r *RefusedError) Mend() string {
	for _, s := range r.Explanation.Steps {
		if s.State == Stopped {
			return s.Mend
		}
	}
	return ""
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
			return report(p.out)
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
