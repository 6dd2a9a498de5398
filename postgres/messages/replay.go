package messages

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"realtime/postgres"
	"realtime/protocol"
)

// DB is a connection or a pool.
type DB interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
}

// The messages of one transaction share their time, so they are told apart by the command that wrote them and, within
// one command, by their place in the table; place alone would follow whatever space a vacuum has freed. The bounds keep
// the planner off other partitions.
const (
	replaySQL = `
select id::text, event, payload::text, binary_payload
from realtime.messages
where topic = $1 and private and extension = 'broadcast'
	and inserted_at >= greatest($2::timestamp, timezone('utc', now()) - $3::interval)
	and inserted_at < timezone('utc', now()) + interval '1 minute'
	and (payload is not null or binary_payload is not null) and event is not null`
	unexpired = `
	and not (skip_broadcast and updated_at <= inserted_at - interval '1 second'
		and inserted_at + (inserted_at - updated_at) <= timezone('utc', clock_timestamp()))`
	replayOrder = `
order by inserted_at desc, cmin::text::bigint desc, ctid desc
limit $4`
)

// Replay returns the newest messages of a private topic since a time, at most limit, oldest first; none older than
// postgres.Retention, whatever longer a partition is kept. It asks no policy.
func Replay(ctx context.Context, db DB, topic string, since time.Time, limit int) ([]protocol.Broadcast, error) {
	since = earliest(since)
	list, err := replay(ctx, db, replaySQL+unexpired+replayOrder, topic, since, limit)
	if postgres.IsUndefinedColumn(err) { // no skip_broadcast: nobody has stored anything that expires
		list, err = replay(ctx, db, replaySQL+replayOrder, topic, since, limit)
	}
	if err != nil {
		return nil, fmt.Errorf("replay messages: %w", err)
	}
	slices.Reverse(list)
	return list, nil
}

// earliest keeps a time within what timestamp holds.
func earliest(since time.Time) time.Time {
	if since.Before(time.Unix(0, 0)) {
		return time.Unix(0, 0).UTC()
	}
	return since.UTC()
}

func replay(ctx context.Context, db DB, sql, topic string, since time.Time, limit int) ([]protocol.Broadcast, error) {
	rows, err := db.Query(ctx, sql, topic, since, postgres.Retention, limit)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (protocol.Broadcast, error) {
		var payload *string
		b := protocol.Broadcast{Form: protocol.FormUserJSON, Replayed: true}
		var event string
		var raw []byte
		if err := row.Scan(&b.ID, &event, &payload, &raw); err != nil {
			return b, err
		}
		b.Event = []byte(event)
		if payload != nil {
			b.Payload = []byte(*payload)
		} else {
			b.Form, b.Payload = protocol.FormUserBinary, raw
		}
		return b, nil
	})
}
