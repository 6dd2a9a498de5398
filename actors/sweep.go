package actors

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"realtime/protocol/codes"
	"realtime/ratelimit"
)

// sweepEvery is how often meters tick and idle connections are looked for: one timer for all of them.
const sweepEvery = 5 * time.Second

// sweep ticks the meters, closes connections that are silent or joined nothing for too long, and looks whether rows
// have changed. It ends with the tree.
func (s *System) sweep() {
	defer close(s.swept)
	s.rates.Tick(time.Now())
	t := time.NewTicker(sweepEvery)
	defer t.Stop()
	var memory trimmer
	for {
		select {
		case <-s.life.Done():
			return
		case now := <-t.C:
			s.rates.Tick(now)
			s.sweepIdle(now)
			s.reread()
			s.trim(&memory)
			s.restTenants(now)
		}
	}
}

// crossing logs once that a tenant's rate went over its limit, and once that it came back.
func (s *System) crossing(x ratelimit.Crossing) {
	if !x.Exceeded {
		s.log.Info("rate under its limit again", "tenant", x.Tenant, "kind", x.Kind.String(), "per_second", x.Average, "limit", x.Limit)
		return
	}
	code := codes.MessagePerSecondRateLimitReached
	switch x.Kind {
	case ratelimit.Joins:
		code = codes.ClientJoinRateLimitReached
	case ratelimit.PresenceEvents:
		code = codes.PresenceRateLimitReached
	case ratelimit.Events, ratelimit.DBEvents:
	case ratelimit.Requests:
		return // every refusal is an answer of its own
	}
	s.log.Error("rate over its limit", "code", string(code), "tenant", x.Tenant, "kind", x.Kind.String(), "per_second", x.Average, "limit", x.Limit)
}

func (s *System) sweepIdle(now time.Time) {
	for _, r := range s.open() {
		lonely := r.lonely.Load()
		switch {
		case now.Sub(r.conn.LastRead()) > s.o.IdleTimeout:
			r.conn.CloseWith(closeNormal, "idle")
		case lonely != 0 && now.UnixMilli()-lonely > s.o.NoChannelTimeout.Milliseconds():
			r.conn.CloseWith(closeNormal, "no channel joined")
		}
	}
}

// open lists the open connections.
func (s *System) open() []*Reader {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]*Reader, 0, len(s.readers))
	for r := range s.readers {
		out = append(out, r)
	}
	return out
}

// Drain stops down the stairs: no more joins, every connection told 1012 and closed, spread over a part of the
// time left, then the tree. It returns when the tree is gone or ctx is done.
func (s *System) Drain(ctx context.Context) {
	if s.draining.Swap(true) {
		return
	}
	s.sys.Root.Send(s.tenants, &drain{})
	s.endFeeds(ctx)
	s.closeAll(ctx)
	for s.Connections() > 0 && ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-time.After(5 * time.Millisecond):
		}
	}
	s.endStores(ctx)
	if err := s.sys.Root.PoisonFuture(s.tenants).Wait(); err != nil {
		s.log.Warn("tenants did not stop in time", "err", err)
	}
	s.stopped.Store(true)
	s.end()
	<-s.swept
	<-s.kept
	s.closeDatabases()
	s.sys.Shutdown()
}

// endFeeds waits until no feed streams any more, while those who are subscribed are still there: what was routed has gone
// out, what was not will be read by whoever comes next.
func (s *System) endFeeds(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	for s.feeds.Load() > 0 && ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// closeAll closes every connection with 1012, in batches, so that not all clients come back in one moment.
func (s *System) closeAll(ctx context.Context) {
	const perBatch, gap = 10_000, 2 * time.Second
	for batch := range slices.Chunk(s.open(), perBatch) {
		for _, r := range batch {
			r.conn.CloseWith(closeRestart, "the server is restarting")
		}
		if len(batch) < perBatch {
			continue
		}
		select {
		case <-ctx.Done():
		case <-time.After(gap):
		}
	}
}

// disconnect closes every connection of a tenant with the given code.
func (s *System) disconnect(tenant string, code uint16, reason string) {
	for _, r := range s.open() {
		if r.hello.Tenant.ExternalID == tenant {
			r.conn.CloseWith(code, reason)
		}
	}
}

// quiet passes the library's warnings and errors on and drops its chatter.
func quiet(l *slog.Logger) *slog.Logger { return slog.New(atLeast{l.Handler(), slog.LevelWarn}) }

type atLeast struct {
	slog.Handler
	level slog.Level
}

func (a atLeast) Enabled(ctx context.Context, l slog.Level) bool {
	return l >= a.level && a.Handler.Enabled(ctx, l)
}
