package wal

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"

	"realtime/postgres"
	"realtime/protocol/codes"
)

const (
	// lockIdle is how long the session of a lock may say nothing before a challenger ends it. Its owner says something
	// every second, so it is frozen or cut off; the lock of one that died goes with its connection.
	lockIdle = 3 * time.Second
	lockPoll = 250 * time.Millisecond
	// lockPatience bounds one attempt to get the lock.
	lockPatience = 5 * time.Second
)

// Keeper is a session that holds the right to read a durable slot: an advisory lock on the slot's database. Who has it
// may end another's walsender (Options.Evict). Look must be called every second, as the proof that its owner lives; an
// error of Look means that the right is gone. It belongs to one goroutine.
type Keeper struct {
	conn *pgx.Conn
	slot string
}

// Keep gets the right to read a slot. While another server has it, it waits for up to 5 s and returns
// ReplicationSlotBeingUsed (ErrSlotInUse), which names the holder; a holder that has not given a sign of life for 3 s
// loses its session. The caller must Close the Keeper.
func Keep(ctx context.Context, s postgres.Settings, slot string, log *slog.Logger) (*Keeper, error) {
	conn, err := postgres.Connect(ctx, s)
	if err != nil {
		return nil, codes.Wrap(codes.UnableToConnectToTenantDatabase, err, "")
	}
	k := &Keeper{conn: conn, slot: slot}
	if err := k.challenge(ctx, log); err != nil {
		k.Close(ctx)
		return nil, err
	}
	return k, nil
}

// lockKey is the advisory lock of a slot.
func lockKey(slot string) int64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte("realtime slot " + slot)) // never fails
	return int64(h.Sum64())
}

func (k *Keeper) challenge(ctx context.Context, log *slog.Logger) error {
	tick := time.NewTicker(lockPoll)
	defer tick.Stop()
	key := lockKey(k.slot)
	for end := time.Now().Add(lockPatience); ; {
		got, err := postgres.TryLock(ctx, k.conn, key)
		if err != nil {
			return codes.Wrap(codes.StartReplicationFailed, err, "")
		}
		if got {
			return nil
		}
		pid, silent, err := k.holder(ctx, key)
		if err != nil {
			return codes.Wrap(codes.StartReplicationFailed, err, "")
		}
		if pid != 0 && silent > lockIdle {
			log.Warn("the server that reads the replication slot gives no sign of life, it is replaced",
				slog.String("slot", k.slot), slog.Int("pid", pid), slog.Duration("silent", silent))
			if _, err := k.conn.Exec(ctx, "select pg_terminate_backend($1)", pid); err != nil {
				return codes.Wrap(codes.StartReplicationFailed, err, "")
			}
		} else if time.Now().After(end) {
			return codes.Wrap(codes.ReplicationSlotBeingUsed, &InUseError{Slot: k.slot, PID: pid},
				"Another server reads replication slot %q (its lock is held by backend %d); this one takes over when that ends", k.slot, pid)
		}
		select {
		case <-ctx.Done():
			return codes.Wrap(codes.ReplicationConnectionTimeout, ctx.Err(), "")
		case <-tick.C:
		}
	}
}

// holderSQL finds who has an advisory lock of this database, and for how many seconds it has been idle.
const holderSQL = `
select a.pid, case when a.state = 'idle' then extract(epoch from clock_timestamp() - a.state_change) else 0 end::float8
from pg_catalog.pg_locks l join pg_catalog.pg_stat_activity a on a.pid = l.pid
where l.locktype = 'advisory' and l.granted and l.objsubid = 1
	and l.database = (select oid from pg_catalog.pg_database where datname = current_database())
	and l.classid = $1::int8::oid and l.objid = $2::int8::oid`

// holder returns who has the lock; 0 for nobody.
func (k *Keeper) holder(ctx context.Context, key int64) (pid int, silent time.Duration, err error) {
	var seconds float64
	err = k.conn.QueryRow(ctx, holderSQL, int64(uint64(key)>>32), int64(uint32(key))).Scan(&pid, &seconds)
	switch {
	case errors.Is(err, pgx.ErrNoRows): // gone meanwhile
		return 0, 0, nil
	case err != nil:
		return 0, 0, fmt.Errorf("look who has the lock: %w", err)
	}
	return pid, time.Duration(seconds * float64(time.Second)), nil
}

// Look asks for the state of the slot. An error means that the session, and the lock with it, may be gone.
func (k *Keeper) Look(ctx context.Context) (State, error) { return look(ctx, k.conn, k.slot) }

// Close gives the lock back.
func (k *Keeper) Close(ctx context.Context) {
	_ = k.conn.Close(ctx) // the lock goes with the session
}
