package messages

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"realtime/postgres"
	"realtime/protocol"
)

// Stored is a broadcast to keep. Its ID is the row's.
type Stored struct {
	Broadcast protocol.Broadcast
	TTL       time.Duration // how long it can be replayed; 0, or more than the retention: as long as messages are kept
}

// ErrEventText is an event that no column of text can hold. A frame's event may be any bytes.
var ErrEventText = errors.New("the event is not text that Postgres can store: UTF-8 without a zero byte")

// storeSQL writes the messages in order, with skip_broadcast so that the stream does not send them again. A life of its
// own stands in updated_at, so far before inserted_at as the message lives long: no other column may be added, and no
// UPDATE of somebody else can end a life by accident.
const storeSQL = `
insert into realtime.messages
	(id, topic, event, payload, binary_payload, private, extension, skip_broadcast, inserted_at, updated_at)
select u.id, $1, u.event, u.payload::jsonb, u.bytes, true, 'broadcast', true, t.now, t.now - u.ttl
from (select timezone('utc', clock_timestamp()) as now) t,
	unnest($2::uuid[], $3::text[], $4::text[], $5::bytea[], $6::interval[]) with ordinality as u (id, event, payload, bytes, ttl, place)
order by u.place`

// Store writes broadcasts of a private topic, in order; errs has an error for each that could not be, nil if all were. A
// column or a partition that is missing is made. The role of the pool must be above row-level security; who may store is the
// caller's question. Only messages with an event can be stored (not FormPayload).
func Store(ctx context.Context, pool *postgres.Pool, topic string, list []Stored) (errs []error) {
	err := insert(ctx, pool, topic, list)
	if repaired, failed := repair(ctx, pool, err); failed != nil {
		err = errors.Join(err, failed)
	} else if repaired {
		err = insert(ctx, pool, topic, list)
	}
	switch {
	case err == nil:
		return nil
	case !faulty(err):
		return slices.Repeat([]error{err}, len(list))
	}
	errs = make([]error, len(list))
	for i := range list { // one message is no good: it must not cost the others anything
		errs[i] = insert(ctx, pool, topic, list[i:i+1])
	}
	return errs
}

// faulty reports whether the contents of one message may be to blame.
func faulty(err error) bool {
	state := postgres.State(err)
	return errors.Is(err, ErrEventText) || strings.HasPrefix(state, "22") || strings.HasPrefix(state, "23") || strings.HasPrefix(state, "54")
}

// repair makes what a schema lacks that another release of the original made, or that time has outrun.
func repair(ctx context.Context, pool *postgres.Pool, err error) (done bool, failed error) {
	column, partition := postgres.IsUndefinedColumn(err), postgres.State(err) == "23514"
	if !column && !partition {
		return false, nil
	}
	conn, err := pool.Acquire(ctx)
	if err != nil {
		return false, err
	}
	defer conn.Release()
	if column {
		return true, postgres.AddSkipBroadcast(ctx, conn.Conn())
	}
	made, err := postgres.EnsurePartitions(ctx, conn.Conn(), time.Now())
	return len(made) > 0, err
}

// insert writes messages, all or none.
func insert(ctx context.Context, db DB, topic string, list []Stored) error {
	n := len(list)
	ids, events := make([]string, n), make([]string, n)
	payloads, raws, lives := make([]*string, n), make([][]byte, n), make([]time.Duration, n)
	for i, m := range list {
		b := &m.Broadcast
		if !utf8.Valid(b.Event) || strings.ContainsRune(string(b.Event), 0) {
			return fmt.Errorf("store message: %w", ErrEventText)
		}
		ids[i], events[i] = b.ID, string(b.Event)
		if b.Form == protocol.FormUserBinary {
			raws[i] = append([]byte{}, b.Payload...) // not nil: no bytes are not NULL
		} else {
			text := string(b.Payload)
			payloads[i] = &text
		}
		if ttl := m.TTL; ttl < postgres.Retention {
			lives[i] = ttl
		}
	}
	if _, err := db.Exec(ctx, storeSQL, topic, ids, events, payloads, raws, lives); err != nil {
		return fmt.Errorf("store message: %w", err)
	}
	return nil
}
