package actors

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/prometheus/client_golang/prometheus"

	"realtime/postgres/wal"
	"realtime/protocol/codes"
	"realtime/tenancy"
)

// Timing of a feed.
const (
	openTimeout  = 30 * time.Second // connecting, making the slot and starting the stream
	closeTimeout = 5 * time.Second
	firstBackOff = 200 * time.Millisecond
	lastBackOff  = 10 * time.Second
	steadyAfter  = 5 * time.Second // a feed that ran so long starts its back-off from the beginning
	queuedTxs    = 1024            // transactions between reader and taker, and
	queuedBytes  = 16 << 20        // their row images; more is left to Postgres to spool

	// How far confirmations stay behind what was routed, of a durable slot: as long as a peer may take nothing before it
	// is cut, so what was on its way when a server crashed is read again.
	confirmLate      = 10 * time.Second
	confirmLateBytes = 64 << 20

	// gather is how long a durable slot that an earlier server has left is not read after the first subscription: so long
	// clients take to come back after a restart, and what they missed is read once.
	gather = 5 * time.Second
)

// spec is what differs between the feeds of a tenant.
type spec struct {
	name   string // in the log and in metrics: "changes", "messages"
	source func(tenancy.Database) (slot, publication string)
	open   func(context.Context, wal.Options) (*wal.Stream, error)
	taker  func(tenancy.Database) taker
	code   func(err error, ran bool) codes.Code // of what ended a run, or kept it from beginning

	figures *pollerFigures                 // nil: upstream has none of its kind
	collect func(chan<- prometheus.Metric) // what the taker has counted; nil for nothing
}

// taker takes the transactions of one run. It calls routed with each part that is dealt with, in order.
type taker interface {
	Run(ctx context.Context, in <-chan *wal.Tx, routed func(*wal.Tx)) error
}

// feed is the supervised child that streams one slot of a tenant: a reader goroutine, a taker goroutine and one bounded
// chan between them. When either ends, both are ended and it starts anew after a pause. A run begins when the parent,
// told by feedUp, has answered with begin: what it sent to the taker before is there when the first row comes.
type feed struct {
	s      *System
	spec   spec
	log    *slog.Logger
	row    *tenancy.Tenant
	parent *actor.PID
	self   *actor.PID
	life   context.Context //nolint:containedctx // the actor's life, cancelled in Stopping
	end    context.CancelFunc

	run     *opened // streams, or waits for begin; nil: neither
	started time.Time
	since   time.Time // of the last run's start
	backOff time.Duration
	waits   bool // for another server to let go of the slot
	place   *place

	tenant   string               // for the metrics, which read these three
	slot     atomic.Pointer[slot] // nil: it does not stream
	restarts atomic.Int64
}

// place is how far a feed has come over all its runs. It belongs to the parent and so outlives a crash of the feed. The run
// writes it, the errand that opens the next one reads it.
type place struct{ p atomic.Pointer[wal.Place] }

func (p *place) get() wal.Place {
	if v := p.p.Load(); v != nil {
		return *v
	}
	return wal.Place{}
}

func (p *place) set(v wal.Place) { p.p.Store(&v) }

func newFeed(s *System, t *tenancy.Tenant, parent *actor.PID, p *place, o spec) *feed {
	return &feed{
		s: s, spec: o, tenant: t.ExternalID, log: s.log.With("tenant", t.ExternalID, "feed", o.name), row: t, parent: parent, place: p, backOff: firstBackOff,
	}
}

func (f *feed) receive(c actor.Context) {
	switch m := c.Message().(type) {
	case *actor.Started:
		f.self, f.started = c.Self(), time.Now()
		f.life, f.end = context.WithCancel(f.s.life)
		f.s.metrics.feeds.add(f)
		f.open()
	case *opened:
		f.opened(m)
	case *begin:
		f.begin()
	case *halted:
		f.run = nil
		f.down(m.err)
	case *retry:
		f.open()
	case *row:
		f.row = m.t
	case *actor.Stopping:
		f.stopped()
	default:
		f.s.unhandled(c)
	}
}

// open sends for a stream.
func (f *feed) open() {
	row := f.row
	f.s.errand(f.life, f.self, openTimeout, func(ctx context.Context) any { return f.connect(ctx, row) })
}

func (f *feed) connect(ctx context.Context, row *tenancy.Tenant) *opened {
	db, err := row.Database()
	if err != nil {
		return &opened{err: codes.Wrap(codes.ErrorStartingPostgresCDC, err, "")}
	}
	o := wal.Options{
		Settings: db.Settings.WithApplication("realtime_replication_connection"),
		Durable:  f.s.o.DurableSlot, Log: f.log, From: f.place.get(), QueueBytes: queuedBytes,
	}
	o.Slot, o.Publication = f.spec.source(db)
	s := &slot{settings: db.Settings.WithApplication("realtime_replication_slot"), name: o.Slot}
	if o.Durable {
		if s.keeper, err = wal.Keep(ctx, s.settings, o.Slot, f.log); err != nil {
			return &opened{err: err}
		}
		o.Late, o.LateBytes, o.Evict = confirmLate, confirmLateBytes, true
	} else {
		o.Slot = wal.Unique(o.Slot)
		s.name = o.Slot
	}
	if s.stream, err = f.spec.open(ctx, o); err != nil {
		f.close(s)
		return &opened{err: err}
	}
	if o.Durable && o.From == (wal.Place{}) && !s.stream.Gap() {
		s.hold = f.started.Add(gather)
	}
	m := &opened{slot: s, taker: f.spec.taker(db)}
	m.keep = context.AfterFunc(f.life, func() { f.close(s) }) // nobody may be there any more to take it
	return m
}

// close ends a stream that is broken, or of no more use, and then gives up the right to its slot.
func (f *feed) close(s *slot) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(f.life), closeTimeout)
	defer cancel()
	if s.stream != nil {
		_ = s.stream.Close(ctx)
	}
	if s.keeper != nil {
		s.keeper.Close(ctx)
	}
}

func (f *feed) opened(m *opened) {
	if m.err != nil {
		f.down(m.err)
		return
	}
	f.run, f.waits = m, false
	f.s.sys.Root.Send(f.parent, &feedUp{feed: f.spec.name, gap: m.slot.stream.Gap(), lost: m.slot.stream.Lost()})
}

// begin starts the run that was opened.
func (f *feed) begin() {
	if f.run == nil || f.s.draining.Load() || !f.run.keep() {
		return
	}
	f.since = time.Now()
	f.s.feeds.Add(1)
	f.slot.Store(f.run.slot)
	go f.play(f.run.slot, f.run.taker) // ends when the stream or the taker's connection breaks, or with the actor's life
}

// play is one run of the feed: the reader on a goroutine of its own, the taker on this one. When either ends both
// are ended; what ended first is the cause.
func (f *feed) play(s *slot, t taker) {
	defer f.s.feeds.Add(-1)
	ctx, halt := context.WithCancelCause(f.life)
	txs := make(chan *wal.Tx, queuedTxs)
	var others sync.WaitGroup
	others.Go(func() { // ends when the stream breaks or ctx is done
		s.await(ctx)
		halt(s.stream.Run(ctx, txs))
	})
	others.Go(func() { // likewise
		if err := f.watch(ctx, s); err != nil {
			halt(err)
		}
	})
	halt(t.Run(ctx, txs, func(tx *wal.Tx) {
		f.place.set(f.place.get().After(tx))
		s.stream.Done(tx)
		s.commit.Store(tx.Time.UnixMilli())
		if p := f.spec.figures; p != nil {
			p.routed.Observe(millis(time.Since(tx.Time)))
		}
		if tx.Last {
			s.stream.Confirm(tx.End)
		}
	}))
	others.Wait()
	f.slot.Store(nil)
	if f.life.Err() != nil { // an orderly end: what was routed has gone out
		s.stream.Settle()
	}
	f.close(s)
	f.place.set(s.stream.Since(f.place.get()))
	f.s.sys.Root.Send(f.self, &halted{err: context.Cause(ctx)})
}

// down reports the loss of place and comes back after a pause that grows while starts fail.
func (f *feed) down(err error) {
	if f.life.Err() != nil {
		return
	}
	if !f.since.IsZero() && time.Since(f.since) > steadyAfter {
		f.backOff = firstBackOff
	}
	ran := !f.since.IsZero()
	f.since = time.Time{}
	f.s.sys.Root.Send(f.parent, &feedDown{feed: f.spec.name, err: err})
	if errors.Is(err, wal.ErrSlotInUse) { // by another server: that is no trouble, and is looked at again at once
		if !f.waits {
			f.log.Warn("waiting for another server to let go of the replication slot", "code", string(codes.ReplicationSlotBeingUsed), "err", err)
		}
		f.waits, f.backOff = true, firstBackOff
	} else {
		f.s.metrics.feedRestarts.Inc()
		f.restarts.Add(1)
		if p := f.spec.figures; p != nil {
			p.interrupted(err, ran)
		}
		f.log.Error("feed was interrupted", "code", string(f.spec.code(err, ran)), "err", err, "retry_in", f.backOff.String())
	}
	f.s.later(f.self, f.backOff+rand.N(f.backOff/4), &retry{})
	f.backOff = min(2*f.backOff, lastBackOff)
}

// stopped: nobody needs the feed any more.
func (f *feed) stopped() {
	if p := f.spec.figures; p != nil {
		reason := "normal"
		if f.s.draining.Load() {
			reason = "shutdown"
		}
		p.stops.WithLabelValues(reason).Inc()
	}
	f.over()
}

// crashed: the CDC sees the end of its child and starts another.
func (f *feed) crashed(actor.Context) {
	if p := f.spec.figures; p != nil {
		p.crashes.Inc()
	}
	f.over()
}

func (f *feed) over() {
	f.s.metrics.feeds.remove(f)
	f.end()
}
