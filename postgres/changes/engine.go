package changes

import (
	"context"
	"log/slog"
	"sync"

	"realtime/postgres/wal"
)

// Engine decides rows for subscriptions. Subscribe and Unsubscribe may be called from
// any goroutine; everything else belongs to the goroutine in Run.
type Engine struct {
	o Options

	mu    sync.Mutex
	queue []command
	wake  chan struct{} // capacity 1
}

// command is one entry of the inbox: a subscription, or the end of one.
type command struct {
	member any
	sub    *Subscription // nil: unsubscribe
}

// New makes an Engine; [Engine.Run] makes it work.
func New(o Options) *Engine {
	if o.MaxRecordBytes <= 0 {
		o.MaxRecordBytes = 1 << 20
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Engine{o: o, wake: make(chan struct{}, 1)}
}

// Subscribe makes s the member's subscription, in place of an earlier one. It never
// blocks; Options.Answer tells the outcome. Before Run it queues.
func (e *Engine) Subscribe(s Subscription) { e.push(command{member: s.Member, sub: &s}) }

// Unsubscribe ends the member's subscription, if it has one. It never blocks.
func (e *Engine) Unsubscribe(member any) { e.push(command{member: member}) }

func (e *Engine) push(c command) {
	e.mu.Lock()
	e.queue = append(e.queue, c)
	e.mu.Unlock()
	select {
	case e.wake <- struct{}{}:
	default:
	}
}

// Run decides what comes from in until ctx ends, in is closed or the connection is
// lost, and calls routed with the end of each transaction whose rows were handed over.
// A new Run starts without subscriptions: the caller subscribes its members again.
func (e *Engine) Run(ctx context.Context, in <-chan *wal.Tx, routed func(wal.LSN)) error {
	<-ctx.Done()
	return ctx.Err()
}
