package actors

import (
	"context"
	"errors"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"realtime/postgres"
	"realtime/protocol/codes"
	"realtime/tenancy"
)

// Upkeep says how realtime.messages of the tenants in use is kept. Day partitions are made ahead whatever it says; the
// janitor also drops those that are too old.
type Upkeep struct {
	Ahead     time.Duration // how often partitions are made ahead; 0: 1 h
	Janitor   bool          // drop old partitions (RUN_JANITOR)
	First     time.Duration // added to the first wait of the janitor (JANITOR_RUN_AFTER_IN_MS)
	Every     time.Duration // between two of its rounds; 0: 4 h (JANITOR_SCHEDULE_TIMER_IN_MS)
	Randomize bool          // add 1 to 59 minutes to each wait, so that nodes do not come at once (JANITOR_SCHEDULE_RANDOMIZE)
	Chunk     int           // tenants that one worker takes at a time; 0: 10 (JANITOR_CHUNK_SIZE)
	Workers   int           // chunks at a time; 0: 5 (JANITOR_MAX_CHILDREN)
	Timeout   time.Duration // of one chunk; 0: 5 s (JANITOR_CHILDREN_TIMEOUT)
}

// janitor is what connections that keep the partitions call themselves.
const janitor = "realtime_janitor"

func (u *Upkeep) defaults() {
	setDefault(&u.Ahead, time.Hour)
	setDefault(&u.Every, 4*time.Hour)
	setDefault(&u.Timeout, 5*time.Second)
	if u.Chunk <= 0 {
		u.Chunk = 10
	}
	if u.Workers <= 0 {
		u.Workers = 5
	}
}

// wait is the pause before the janitor's next round.
func (u *Upkeep) wait() time.Duration {
	if !u.Randomize {
		return u.Every
	}
	return u.Every + time.Duration(1+rand.IntN(59))*time.Minute
}

// keepPartitions tends the databases of the tenants in use until the tree ends.
func (s *System) keepPartitions() {
	defer close(s.kept)
	u := &s.o.Upkeep
	ahead := time.NewTicker(u.Ahead)
	defer ahead.Stop()
	round := time.NewTimer(u.First + u.wait())
	defer round.Stop()
	if !u.Janitor {
		round.Stop()
	}
	for {
		select {
		case <-s.life.Done():
			return
		case now := <-ahead.C:
			s.tendAll(now, false)
		case now := <-round.C:
			s.tendAll(now, true)
			round.Reset(u.wait())
		}
	}
}

// tendAll goes to the database of every tenant that was in use since the node began: whoever has connected once may write
// messages without connecting again.
func (s *System) tendAll(now time.Time, drop bool) {
	s.mu.Lock()
	used := slices.Collect(maps.Keys(s.databases))
	rows := slices.Collect(maps.Values(s.resting))
	s.mu.Unlock()
	for _, d := range used {
		rows = append(rows, d.tenant())
	}
	slices.SortFunc(rows, func(a, b *tenancy.Tenant) int { return strings.Compare(a.ExternalID, b.ExternalID) })
	var working sync.WaitGroup
	free := make(chan struct{}, s.o.Upkeep.Workers)
	for chunk := range slices.Chunk(rows, s.o.Upkeep.Chunk) {
		free <- struct{}{}
		working.Go(func() { // ends with its timeout at the latest
			defer func() { <-free }()
			s.tendChunk(chunk, now, drop)
		})
	}
	working.Wait()
}

func (s *System) tendChunk(chunk []*tenancy.Tenant, now time.Time, drop bool) {
	ctx, cancel := context.WithTimeout(s.life, s.o.Upkeep.Timeout)
	defer cancel()
	for _, t := range chunk {
		err := s.tend(ctx, t, now, drop)
		if err == nil || s.life.Err() != nil {
			continue
		}
		code := codes.Of(err).Code
		switch {
		case code != codes.UnknownError:
		case drop:
			code = codes.JanitorFailedToDeleteOldMessages
		default:
			code = codes.PartitionCreationFailed
		}
		s.log.Error("partitions of messages are not as they should be", "code", string(code), "tenant", t.ExternalID, "err", err)
	}
}

// tend makes the partitions of one tenant and, if asked, drops the old ones. A tenant that is suspended, or has no database,
// is left alone.
func (s *System) tend(ctx context.Context, t *tenancy.Tenant, now time.Time, drop bool) error {
	if s.o.Lookup != nil { // rows of tenants without a connection are not read again by themselves
		fresh, err := s.o.Lookup(ctx, t.ExternalID)
		switch {
		case err == nil:
			t = fresh
		case codes.Of(err).Code == codes.TenantNotFound:
			s.awake(t.ExternalID)
			return nil
		default:
			return err
		}
	}
	db, err := t.Database()
	if t.Suspend || err != nil {
		return nil // whoever needs the database is told
	}
	conn, err := postgres.Connect(ctx, db.Settings.WithApplication(janitor))
	if err != nil {
		return err
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = conn.Close(ctx)
	}()
	made, err := postgres.EnsurePartitions(ctx, conn, now)
	var dropped []string
	if drop && ctx.Err() == nil {
		var dropErr error
		dropped, dropErr = postgres.DropOldPartitions(ctx, conn, now)
		err = errors.Join(err, dropErr)
	}
	if len(made)+len(dropped) > 0 {
		s.log.Info("partitions of messages", "tenant", t.ExternalID, "made", made, "dropped", dropped)
	}
	return err
}

// Keep is [System.Prepare] of a tenant that counts as in use from now on, as if somebody had connected: its partitions are
// kept.
func (s *System) Keep(ctx context.Context, t *tenancy.Tenant) error {
	if _, err := s.attach(t); err != nil {
		return err
	}
	return s.Prepare(ctx, t)
}
