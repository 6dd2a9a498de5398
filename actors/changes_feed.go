package actors

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"realtime/postgres/changes"
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
	queuedTxs    = 64              // transactions between reader and Engine; more is left to Postgres to spool
)

// changesFeed is the supervised child that streams one tenant's changes: a reader goroutine on the slot, an Engine
// goroutine that decides, and one bounded chan between them. When either ends, both are ended and it starts anew
// after a pause.
type changesFeed struct {
	s      *System
	log    *slog.Logger
	row    *tenancy.Tenant
	parent *actor.PID
	self   *actor.PID
	life   context.Context //nolint:containedctx // the actor's life, cancelled in Stopping
	end    context.CancelFunc

	engine  *changes.Engine // of the run under way, or nil
	since   time.Time       // of the last run's start
	backOff time.Duration
	routed  atomic.Uint64 // position up to which everything is routed, over all runs
}

func newChangesFeed(s *System, t *tenancy.Tenant, parent *actor.PID) *changesFeed {
	return &changesFeed{s: s, log: s.log.With("tenant", t.ExternalID), row: t, parent: parent, backOff: firstBackOff}
}

func (f *changesFeed) receive(c actor.Context) {
	switch m := c.Message().(type) {
	case *actor.Started:
		f.self = c.Self()
		f.life, f.end = context.WithCancel(f.s.life)
		f.open()
	case *opened:
		f.opened(m)
	case *subscribe:
		if f.engine != nil {
			f.engine.Subscribe(m.sub)
		}
	case *unsubscribe:
		if f.engine != nil {
			f.engine.Unsubscribe(m.m)
		}
	case *halted:
		f.halted(m)
	case *retry:
		f.open()
	case *actor.Stopping:
		f.end()
	default:
		f.s.unhandled(c)
	}
}

// open sends for a stream.
func (f *changesFeed) open() {
	f.s.errand(f.life, f.self, openTimeout, func(ctx context.Context) any {
		stream, engine, err := f.connect(ctx)
		return &opened{stream: stream, engine: engine, err: err}
	})
}

func (f *changesFeed) connect(ctx context.Context) (*wal.Stream, *changes.Engine, error) {
	db, err := f.row.Database()
	if err != nil {
		return nil, nil, fmt.Errorf("read the tenant's database settings: %w", err)
	}
	stream, err := wal.Open(ctx, wal.Options{
		Settings: db.Settings.WithApplication("realtime_replication_connection"), Slot: db.Slot, Publication: db.Publication,
		Durable: f.s.o.DurableSlot, Log: f.log, Start: wal.LSN(f.routed.Load()),
	})
	if err != nil {
		return nil, nil, err
	}
	engine := changes.New(changes.Options{
		Settings: db.Settings.WithApplication("realtime_changes"), Publication: db.Publication,
		MaxRecordBytes: db.MaxRecordBytes, Log: f.log, Answer: f.answer, Deliver: f.deliver, Notice: f.notice,
	})
	return stream, engine, nil
}

// The Engine calls these on its goroutine.
func (f *changesFeed) answer(a changes.Answer) { f.s.sys.Root.Send(f.parent, &answer{a: a}) }

func (f *changesFeed) notice(who any, text string) {
	f.s.sys.Root.Send(f.parent, &feedNotice{m: who.(*member), text: text})
}

func (f *changesFeed) deliver(group any, list []changes.Delivery) {
	to := group.(*post)
	to.wait(rowsRoom, func() bool { return f.life.Err() != nil })
	to.send(&rows{list: list})
}

// opened starts a run.
func (f *changesFeed) opened(m *opened) {
	if m.err != nil {
		f.down(m.err)
		return
	}
	f.engine, f.since = m.engine, time.Now()
	go f.play(m.stream, m.engine) // ends when the stream or the Engine's connection breaks, or with the actor's life
	f.s.sys.Root.Send(f.parent, &feedUp{})
}

// play is one run of the feed: the reader on a goroutine of its own, the Engine on this one. When either ends both
// are ended; what ended first is the cause.
func (f *changesFeed) play(stream *wal.Stream, engine *changes.Engine) {
	ctx, halt := context.WithCancelCause(f.life)
	txs := make(chan *wal.Tx, queuedTxs)
	read := make(chan struct{})
	go func() { // ends when the stream breaks or ctx is done
		defer close(read)
		halt(stream.Run(ctx, txs))
	}()
	halt(engine.Run(ctx, txs, func(l wal.LSN) {
		stream.Confirm(l)
		f.routed.Store(uint64(l))
	}))
	<-read
	over, cancel := context.WithTimeout(context.WithoutCancel(f.life), closeTimeout)
	defer cancel()
	_ = stream.Close(over) // it is broken, or of no more use
	f.s.sys.Root.Send(f.self, &halted{err: context.Cause(ctx)})
}

// halted: the run is over.
func (f *changesFeed) halted(m *halted) {
	f.engine = nil
	f.down(m.err)
}

// down reports the loss of place and comes back after a pause that grows while starts fail.
func (f *changesFeed) down(err error) {
	if f.life.Err() != nil {
		return
	}
	if !f.since.IsZero() && time.Since(f.since) > steadyAfter {
		f.backOff = firstBackOff
	}
	f.s.metrics.feedRestarts.Inc()
	f.log.Error("feed of changes lost its place", "err", err, "retry_in", f.backOff.String())
	f.s.sys.Root.Send(f.parent, &feedDown{err: err})
	f.s.later(f.self, f.backOff+rand.N(f.backOff/4), &retry{})
	f.backOff = min(2*f.backOff, lastBackOff)
}

// crashed: the CDC sees the end of its child and starts another.
func (f *changesFeed) crashed(actor.Context) { f.end() }
