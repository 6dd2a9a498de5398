package actors

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"realtime/postgres/wal"
	"realtime/tenancy"
)

// Timing of a feed.
const (
	openTimeout  = 30 * time.Second // connecting, making the slot and starting the stream
	closeTimeout = 5 * time.Second
	firstBackOff = 200 * time.Millisecond
	lastBackOff  = 10 * time.Second
	steadyAfter  = 5 * time.Second // a feed that ran so long starts its back-off from the beginning
	queuedTxs    = 64              // transactions between reader and taker; more is left to Postgres to spool

	// How far confirmations stay behind what was routed, of a durable slot: as long as a peer may take nothing before it
	// is cut, so what was on its way when a server crashed is read again.
	confirmLate      = 10 * time.Second
	confirmLateBytes = 64 << 20
)

// spec is what differs between the feeds of a tenant.
type spec struct {
	name   string // in the log and in metrics: "changes", "messages"
	source func(tenancy.Database) (slot, publication string)
	open   func(context.Context, wal.Options) (*wal.Stream, error)
	taker  func(tenancy.Database) taker
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

	run     *opened   // streams, or waits for begin; nil: neither
	since   time.Time // of the last run's start
	backOff time.Duration
	place   *place
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
	return &feed{s: s, spec: o, log: s.log.With("tenant", t.ExternalID, "feed", o.name), row: t, parent: parent, place: p, backOff: firstBackOff}
}

func (f *feed) receive(c actor.Context) {
	switch m := c.Message().(type) {
	case *actor.Started:
		f.self = c.Self()
		f.life, f.end = context.WithCancel(f.s.life)
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
		f.end()
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
		return &opened{err: fmt.Errorf("read the tenant's database settings: %w", err)}
	}
	o := wal.Options{
		Settings: db.Settings.WithApplication("realtime_replication_connection"),
		Durable:  f.s.o.DurableSlot, Log: f.log, From: f.place.get(),
	}
	o.Slot, o.Publication = f.spec.source(db)
	if o.Durable {
		o.Late, o.LateBytes = confirmLate, confirmLateBytes
	} else {
		o.Slot = wal.Unique(o.Slot)
	}
	stream, err := f.spec.open(ctx, o)
	if err != nil {
		return &opened{err: err}
	}
	m := &opened{stream: stream, taker: f.spec.taker(db)}
	m.keep = context.AfterFunc(f.life, func() { f.close(stream) }) // nobody may be there any more to take it
	return m
}

// close ends a stream that is broken, or of no more use.
func (f *feed) close(stream *wal.Stream) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(f.life), closeTimeout)
	defer cancel()
	_ = stream.Close(ctx)
}

func (f *feed) opened(m *opened) {
	if m.err != nil {
		f.down(m.err)
		return
	}
	f.run = m
	f.s.sys.Root.Send(f.parent, &feedUp{feed: f.spec.name, gap: m.stream.Gap(), lost: m.stream.Lost()})
}

// begin starts the run that was opened.
func (f *feed) begin() {
	if f.run == nil || f.s.draining.Load() || !f.run.keep() {
		return
	}
	f.since = time.Now()
	f.s.feeds.Add(1)
	go f.play(f.run.stream, f.run.taker) // ends when the stream or the taker's connection breaks, or with the actor's life
}

// play is one run of the feed: the reader on a goroutine of its own, the taker on this one. When either ends both
// are ended; what ended first is the cause.
func (f *feed) play(stream *wal.Stream, t taker) {
	defer f.s.feeds.Add(-1)
	ctx, halt := context.WithCancelCause(f.life)
	txs := make(chan *wal.Tx, queuedTxs)
	read := make(chan struct{})
	go func() { // ends when the stream breaks or ctx is done
		defer close(read)
		halt(stream.Run(ctx, txs))
	}()
	halt(t.Run(ctx, txs, func(tx *wal.Tx) {
		f.place.set(f.place.get().After(tx))
		if tx.Last {
			stream.Confirm(tx.End)
		}
	}))
	<-read
	if f.life.Err() != nil { // an orderly end: what was routed has gone out
		stream.Settle()
	}
	f.close(stream)
	f.place.set(stream.Since(f.place.get()))
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
	f.s.metrics.feedRestarts.Inc()
	f.log.Error("feed was interrupted", "err", err, "retry_in", f.backOff.String())
	f.s.sys.Root.Send(f.parent, &feedDown{feed: f.spec.name, err: err})
	f.s.later(f.self, f.backOff+rand.N(f.backOff/4), &retry{})
	f.backOff = min(2*f.backOff, lastBackOff)
}

// crashed: the CDC sees the end of its child and starts another.
func (f *feed) crashed(actor.Context) { f.end() }
