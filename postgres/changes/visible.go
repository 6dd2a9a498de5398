package changes

import (
	"context"
	"maps"
	"time"
)

// The walsender sends a commit once it is on disk, which is before other sessions see it; with a synchronous standby,
// long before. A table, policy or privilege that is read too early is the one from before the row's own transaction.
const (
	firstLook = 100 * time.Microsecond
	lastLook  = 5 * time.Millisecond
)

// await looks until one snapshot sees all transactions of the batch, and checks that the catalog is the same in it. With
// ask set the transaction stays open, so that what is asked next is asked under this very snapshot.
func (e *Engine) await(ctx context.Context, b *batch, ask bool) error {
	known := e.catalog
	for pause := firstLook; ; pause = min(2*pause, lastLook) {
		v, err := e.session.look(ctx, &e.catalog.watch, ask)
		if err != nil {
			return err
		}
		if b.seen(&v.snapshot) {
			b.looks++
			if e.changed(v) {
				return errStale
			}
			return e.recheck(ctx, b)
		}
		if err := e.session.rollback(ctx); err != nil {
			return err
		}
		if err := e.pause(ctx, pause); err != nil {
			return err
		}
		if e.catalog != known || e.catalog.fingerprint == staleFingerprint {
			return errStale // a subscription that came meanwhile had it read anew: the batch was routed by the old one
		}
	}
}

// seen reports whether the snapshot sees every transaction of the batch. Each one is asked about: they do not become
// visible in the order of their commits.
func (b *batch) seen(s *snapshot) bool {
	for _, tx := range b.txs {
		if !s.sees(tx.XID) {
			return false
		}
	}
	return true
}

// recheck looks again for the tables of the batch that subscriptions mean by name but the catalog does not have: of a
// publication of all tables, a new table changes nothing that the fingerprint covers.
func (e *Engine) recheck(ctx context.Context, b *batch) error {
	ask := false
	for _, m := range b.doubtful {
		ask = ask || !m.checked
	}
	if !ask {
		return nil
	}
	fresh := newCatalog()
	if err := fresh.loadPublication(ctx, e.session, e.o.Publication); err != nil {
		return err
	}
	if !maps.Equal(fresh.publication.tables, e.catalog.publication.tables) {
		return errStale
	}
	for _, m := range b.doubtful {
		m.checked = true
		if m.crossed {
			e.o.Log.Warn("postgres changes: columns changed places while rows were on their way; these are not delivered", "table", m.table.name.String())
		}
	}
	return nil
}
