package actors

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"realtime/postgres/messages"
	"realtime/postgres/wal"
	"realtime/protocol/codes"
	"realtime/tenancy"
)

// partsRoom is how many parts of transactions may wait at a Tenant.
const partsRoom = 8

// feedOfMessages is the name of the feed of rows of realtime.messages.
const feedOfMessages = "messages"

// messagesFeed is the feed whose taker makes publications of rows of realtime.messages, for the Tenant: the door by which
// everything server-born enters.
type messagesFeed struct {
	*feed
	rows *messageRows
}

// messageRows is the taker. It outlives the runs.
type messageRows struct {
	log     *slog.Logger
	limits  atomic.Pointer[tenancy.Limits]
	counts  *counts
	to      *post
	busiest atomic.Pointer[post] // the Channel with the longest mailbox, as of the last part
	decoder messages.Decoder
}

func newMessagesFeed(s *System, t *tenancy.Tenant, parent *actor.PID, p *place, n *counts, to *post) messagesFeed {
	f := messagesFeed{rows: &messageRows{counts: n, to: to}}
	f.feed = newFeed(s, t, parent, p, spec{
		name:   feedOfMessages,
		source: func(db tenancy.Database) (string, string) { return db.MessagesSlot, messages.Publication },
		open:   messages.Open,
		taker:  func(tenancy.Database) taker { return f.rows },
		code:   func(err error, _ bool) codes.Code { return codes.Of(err).Code },
	})
	f.rows.log = f.log
	f.rows.limits.Store(&t.Limits)
	return f
}

func (f messagesFeed) receive(c actor.Context) {
	if m, ok := c.Message().(*row); ok {
		f.rows.limits.Store(&m.t.Limits)
	}
	f.feed.receive(c)
}

// Run implements taker: it hands on what the reader found, until ctx ends.
func (r *messageRows) Run(ctx context.Context, in <-chan *wal.Tx, routed func(*wal.Tx)) error {
	gone := func() bool { return ctx.Err() != nil }
	r.decoder = messages.Decoder{}
	for {
		select {
		case tx := <-in:
			r.route(ctx, tx, gone)
			routed(tx)
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// route publishes the rows of one part, in order, when there is room for them.
func (r *messageRows) route(ctx context.Context, tx *wal.Tx, gone func() bool) {
	var list []Publication
	var lost map[error]int
	var since []time.Time
	r.counts.figures.committed.Observe(millis(time.Since(tx.Time)))
	for i := range tx.Rows {
		m, wanted, err := r.decoder.Decode(&tx.Rows[i])
		if wanted {
			err = r.admit(len(m.Broadcast.Payload))
		}
		switch {
		case err != nil:
			lost = r.lose(ctx, lost, err, m.Broadcast.ID)
		case wanted:
			since = append(since, m.InsertedAt)
			list = append(list, Publication{Topic: m.Topic, Private: m.Private, Broadcast: m.Broadcast})
		}
	}
	for err, n := range lost {
		if n > 1 {
			r.complain(ctx, codes.UnableToBroadcastChanges, err, "rows", n)
		}
	}
	if len(list) == 0 {
		return
	}
	r.to.wait(partsRoom, gone)
	r.to.send(&publication{msgs: list, busiest: &r.busiest})
	for now := time.Now(); len(since) > 0; since = since[1:] {
		if !since[0].IsZero() {
			r.counts.figures.inserted.Observe(millis(now.Sub(since[0])))
		}
	}
	if p := r.busiest.Load(); p != nil {
		p.wait(channelRoom, gone)
	}
}

// admit counts a row against the tenant's limits.
func (r *messageRows) admit(size int) error {
	l := r.limits.Load()
	switch {
	case size > l.PayloadBytes():
		return messages.ErrSize
	case r.counts.events.Average() > float64(l.EventsPerSecond):
		return messages.ErrRate
	}
	r.counts.events.Add(1)
	return nil
}

// lose says that a row is not broadcast. Of a crowd with one cause the first is named and the others are counted.
func (r *messageRows) lose(ctx context.Context, lost map[error]int, err error, id string) map[error]int {
	if rel, ok := errors.AsType[*messages.RelationError](err); ok {
		r.complain(ctx, codes.UnexpectedMessageReceived, rel)
		return lost
	}
	if lost == nil {
		lost = map[error]int{}
	}
	if lost[err]++; lost[err] == 1 {
		r.complain(ctx, codes.UnableToBroadcastChanges, err, "message", id)
	}
	return lost
}

func (r *messageRows) complain(ctx context.Context, code codes.Code, err error, more ...any) {
	r.log.Log(ctx, code.Entry().Level, "row of realtime.messages not broadcast", append([]any{"code", string(code), "err", err}, more...)...)
}
