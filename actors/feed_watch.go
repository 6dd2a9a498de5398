package actors

import (
	"context"
	"sync/atomic"
	"time"

	"realtime/postgres"
	"realtime/postgres/wal"
	"realtime/protocol/codes"
)

// How often a feed looks at its slot. That of a durable one is its sign of life, too: see wal.Keeper.
const (
	lookDurable   = time.Second
	lookTemporary = 15 * time.Second
	lookTimeout   = 10 * time.Second
)

// slot is what a feed knows about its slot while it streams. watch writes it, a scrape of the metrics reads it.
type slot struct {
	stream   *wal.Stream
	settings postgres.Settings
	name     string
	keeper   *wal.Keeper  // nil: temporary
	hold     time.Time    // not read before
	commit   atomic.Int64 // when what was routed last had committed, in milliseconds of Unix time; 0: nothing yet
	state    atomic.Pointer[wal.State]
}

// await waits until the slot may be read. The stream answers the server meanwhile.
func (s *slot) await(ctx context.Context) {
	t := time.NewTimer(time.Until(s.hold))
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// behind returns how many bytes of log are not routed yet. It is as old as the last look, where the stream has not read on.
func (s *slot) behind() int64 {
	end := s.stream.Received()
	if st := s.state.Load(); st != nil {
		end = max(end, st.End)
	}
	return int64(max(end, s.stream.Dealt()) - s.stream.Dealt())
}

// late returns how long ago the last routed transaction committed, 0 while nothing waits.
func (s *slot) late(now time.Time) time.Duration {
	at := s.commit.Load()
	if at == 0 || s.stream.Received() <= s.stream.Dealt() {
		return 0
	}
	return max(now.Sub(time.UnixMilli(at)), 0)
}

// watch looks at the slot until ctx is done, and warns before what it keeps hurts. It returns an error when a durable slot
// may be somebody else's.
func (f *feed) watch(ctx context.Context, s *slot) error {
	pause := lookTemporary
	if s.keeper != nil {
		pause = lookDurable
	}
	tick := time.NewTicker(pause)
	defer tick.Stop()
	said := ""
	for {
		st, err := s.look(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil && s.keeper != nil:
			return err
		case err != nil:
			f.log.Warn("replication slot could not be looked at", "code", string(codes.ReplicationSlotCheckSkipped), "slot", s.name, "err", err)
		default:
			s.state.Store(&st)
			said = f.warn(s.name, &st, said)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func (s *slot) look(ctx context.Context) (wal.State, error) {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	if s.keeper != nil {
		return s.keeper.Look(ctx)
	}
	return wal.Inspect(ctx, s.settings, s.name)
}

// warn says each trouble once, and when it is over.
func (f *feed) warn(slot string, st *wal.State, said string) string {
	trouble := st.Trouble()
	switch trouble {
	case said:
	case "":
		f.log.Info("replication slot is well again", "slot", slot, "state", *st)
	default:
		code := codes.ReplicationSlotLagTooHigh
		if st.Status == "" || st.Status == "lost" {
			code = codes.ReplicationSlotNotAlive
		}
		f.log.Warn("replication slot needs attention", "code", string(code), "slot", slot, "why", trouble, "state", *st)
	}
	return trouble
}
