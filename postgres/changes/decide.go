package changes

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5/pgtype"

	"realtime/postgres"
	"realtime/postgres/wal"
)

// batch is some transactions on their way to a decision.
type batch struct {
	serial uint64 // of this attempt
	txs    []*wal.Tx
	rows   []*batchRow // those that somebody may want, in order
	now    time.Time
	// failures are the errors held against subscribers, to be told once the decisions stand.
	failures []failure
	failed   map[failKey]bool
	doubtful []*mapping
	// patient: errors that pass were waited for long enough. calm: the inbox is not served before the end.
	patient, calm bool
	looked        time.Time     // when the inbox was last served
	looks         int           // snapshots so far
	narrowing     time.Duration // spent on filters that had to be asked alone
	quarantined   uint64        // times that something was put in quarantine
}

// batchRow is one row with who may want it.
type batchRow struct {
	*wal.Row
	tx         *wal.Tx
	number     int // position in batch.rows
	mapping    *mapping
	candidates []*entry    // who is to be asked about
	pools      []*pool     // of whose groups is to be asked
	settled    []*audience // who gets it for certain
	answers    []*answer   // of plans of T1
	// narrow: the row raised an error when it was asked about for everybody at once.
	narrow bool
	// compared is the plan that different was found for: whether its policies may judge both images differently.
	compared  *plan
	different bool
	// completed are values that the stream does not have: generated ones, and JSON made by Postgres.
	completed map[completedKey]completion
	large     uint8      // 1: no, 2: yes, 0: not measured yet
	place     pgtype.TID // where compare has found it
}

// wanted reports whether anybody is left who gets the row, or may get it.
func (r *batchRow) wanted() bool { return len(r.candidates)+len(r.pools)+len(r.settled) > 0 }

// completion is a value that Postgres computed for a row.
type completion struct {
	value wal.Value
	json  []byte // instead of what value would become; nil for none
}

// failure is an error of one subscription on one table.
type failure struct {
	table  *table
	err    error
	filter *rowFilter // whose filter, or
	who    *principal // who could not be asked
}

// errStale says that the catalog changed while the batch was being decided: everything is asked again.
var errStale = errors.New("the catalog changed")

// errPassing wraps an error after which the batch is asked again in a while.
var errPassing = errors.New("the rows cannot be asked about just now")

const (
	// maxRestarts bounds how often one batch begins anew because of changes of the catalog or inbox.
	maxRestarts = 20
	// maxPassing is how often trouble that passes is waited for before it is held against the subscriber.
	maxPassing = 15
)

// decide decides a batch and hands it over. An error ends Run.
func (e *Engine) decide(ctx context.Context, txs []*wal.Tx) error {
	if err := e.wholeCatalog(ctx); err != nil {
		return err
	}
	pause := time.Duration(0)
	for tries, passings := 0, 0; ; tries++ {
		e.batches++
		b := &batch{serial: e.batches, txs: txs, now: time.Now(), looked: time.Now(), patient: passings >= maxPassing, calm: tries >= maxRestarts}
		e.route(b)
		if len(b.rows) == 0 && len(b.doubtful) == 0 {
			return nil
		}
		err := e.attempt(ctx, b)
		e.counts.quarantined.Add(b.quarantined)
		switch {
		case err == nil:
			return e.handOver(ctx, b)
		case ctx.Err() != nil:
			return ctx.Err()
		case e.session.lost(), postgres.State(err) == "26000": // somebody's code deallocated our statements
			return errors.Join(errConnection, err)
		case errors.Is(err, errStale):
			err = e.rollbackAndRenew(ctx)
			if err != nil {
				return err
			}
			continue
		}
		// Whatever else went wrong is no answer. Nothing is shown and nothing is skipped: ask again.
		if err := e.session.rollback(ctx); err != nil {
			return errors.Join(errConnection, err)
		}
		passings++
		pause = min(max(2*pause, 20*time.Millisecond), 2*time.Second)
		e.o.Log.Warn("postgres changes: rows are asked about again", "err", err.Error(), "took", time.Since(b.now))
		if err := e.pause(ctx, pause); err != nil {
			return err
		}
	}
}

// rollbackAndRenew drops the transaction and the catalog and reads it again.
func (e *Engine) rollbackAndRenew(ctx context.Context) error {
	if err := e.session.rollback(ctx); err != nil {
		return errors.Join(errConnection, err)
	}
	if err := e.renew(ctx); err != nil {
		return err
	}
	return e.wholeCatalog(ctx)
}

// wholeCatalog waits until the catalog could be read: with half of one, rows would seem to be wanted by nobody.
func (e *Engine) wholeCatalog(ctx context.Context) error {
	for pause := 10 * time.Millisecond; e.catalog.fingerprint == staleFingerprint && len(e.subscribers) > 0; pause = min(2*pause, 2*time.Second) {
		if err := e.renew(ctx); err != nil {
			return err
		}
		if e.catalog.fingerprint != staleFingerprint {
			return nil
		}
		if err := e.pause(ctx, pause); err != nil {
			return err
		}
	}
	return nil
}

// pause waits, and serves the inbox.
func (e *Engine) pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return e.inbox(ctx)
	}
}

// route finds the rows of the batch that somebody may want, by table, event and eq filters.
func (e *Engine) route(b *batch) {
	doubted := map[*mapping]bool{}
	for _, tx := range b.txs {
		for i := range tx.Rows {
			row := &tx.Rows[i]
			m := e.mappings[row.Rel]
			if m == nil {
				m = e.mapRelation(row.Rel)
			}
			if m.doubtful && !doubted[m] {
				doubted[m] = true
				b.doubtful = append(b.doubtful, m)
			}
			if m.table == nil || m.crossed {
				continue
			}
			if f := m.table.index.find(m, row); !f.none() {
				b.rows = append(b.rows, &batchRow{Row: row, tx: tx, number: len(b.rows), mapping: m, candidates: f.loose, settled: f.settled, pools: f.pools})
			}
		}
	}
}

// mapRelation finds the table of a relation, and remembers it.
func (e *Engine) mapRelation(rel *wal.Relation) *mapping {
	m := &mapping{rel: rel}
	e.mappings[rel] = m
	if rel.Schema == "realtime" || rel.Schema == "_realtime" {
		return m
	}
	wanted := e.patterns[name{rel.Schema, rel.Name}]+e.patterns[name{wildcard, rel.Name}]+
		e.patterns[name{rel.Schema, wildcard}]+e.patterns[name{wildcard, wildcard}] > 0
	t := e.catalog.tables[rel.OID]
	if t == nil {
		m.doubtful = wanted
		return m
	}
	*m = *newMapping(rel, t)
	return m
}

// attempt looks until every transaction of the batch is visible, and decides it under that snapshot.
func (e *Engine) attempt(ctx context.Context, b *batch) error {
	ask := e.mustAsk(b)
	if err := e.await(ctx, b, ask); err != nil {
		return err
	}
	if !ask {
		b.rows = slices.DeleteFunc(b.rows, func(r *batchRow) bool { return !r.wanted() })
		return nil
	}
	if err := e.complete(ctx, b); err != nil {
		return err
	}
	if err := e.filter(ctx, b); err != nil {
		return err
	}
	if err := e.access(ctx, b); err != nil {
		return err
	}
	if err := e.session.commit(ctx); err != nil {
		return fmt.Errorf("end the transaction: %w", err)
	}
	return e.confirmFailures(ctx, b)
}

// confirmFailures lets errors count only if the catalog is still the same: a table that was dropped or renamed under a
// statement says nothing about the subscriber.
func (e *Engine) confirmFailures(ctx context.Context, b *batch) error {
	if len(b.failures) == 0 {
		return nil
	}
	if !b.patient {
		for _, f := range b.failures {
			if passing(stateOf(f.err)) {
				return fmt.Errorf("%w: %w", errPassing, f.err)
			}
		}
	}
	changed, err := e.look(ctx, false)
	if changed && !b.patient {
		return errStale
	}
	return err
}

// stateOf returns the SQLSTATE of an evaluation's error.
func stateOf(err error) string {
	if e, ok := errors.AsType[*evalError](err); ok {
		return e.state
	}
	return postgres.State(err)
}
