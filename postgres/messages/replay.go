package messages

import (
	"context"
	"fmt"
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
// the planner off other partitions. What $5 names is looked for in the same snapshot.
const (
	replaySQL = `
with kept as (
	select m.*, m.ctid as place, m.cmin::text::bigint as command from realtime.messages m
	where inserted_at >= greatest($2::timestamp, timezone('utc', now()) - $3::interval)
		and inserted_at < timezone('utc', now()) + interval '1 minute'
		and topic = $1 and private and extension = 'broadcast'
		and (payload is not null or binary_payload is not null) and event is not null`
	unexpired = `
		and not (skip_broadcast and updated_at <= inserted_at - interval '1 second'
			and inserted_at + (inserted_at - updated_at) <= timezone('utc', clock_timestamp()))`
	replayOrder = `
	order by inserted_at desc, command desc, place desc
	limit $4
)
(select id::text, event, payload::text, binary_payload from kept order by inserted_at, command, place)
union all
select id::text, null, null, null from realtime.messages
where id = any($5::uuid[]) and inserted_at >= timezone('utc', now()) - $3::interval`
)

// Replayed is what a replay found.
type Replayed struct {
	Messages []protocol.Broadcast // oldest first
	Seen     []string             // those of the ids asked about that are in the table, as of the same moment
}

// Replay returns the newest messages of a private topic since a time, at most limit; none older than postgres.Retention,
// whatever longer a partition is kept. It asks no policy. ids are UUIDs of messages that the caller has heard of.
func Replay(ctx context.Context, db DB, topic string, since time.Time, limit int, ids []string) (Replayed, error) {
	args := []any{topic, earliest(since), postgres.Retention, limit, append([]string{}, ids...)}
	found, err := replay(ctx, db, replaySQL+unexpired+replayOrder, args)
	if postgres.IsUndefinedColumn(err) { // no skip_broadcast: nobody has stored anything that expires
		found, err = replay(ctx, db, replaySQL+replayOrder, args)
	}
	if err != nil {
		return Replayed{}, fmt.Errorf("replay messages: %w", err)
	}
	return found, nil
}

// earliest keeps a time within what timestamp holds.
func earliest(since time.Time) time.Time {
	if since.Before(time.Unix(0, 0)) {
		return time.Unix(0, 0).UTC()
	}
	return since.UTC()
}

func replay(ctx context.Context, db DB, sql string, args []any) (found Replayed, err error) {
	rows, err := db.Query(ctx, sql, args...)
	if err != nil {
		return found, err
	}
	defer rows.Close()
	for rows.Next() {
		var id string
		var event, payload *string
		var raw []byte
		if err := rows.Scan(&id, &event, &payload, &raw); err != nil {
			return found, err
		}
		if event == nil {
			found.Seen = append(found.Seen, id)
			continue
		}
		b := protocol.Broadcast{Form: protocol.FormUserJSON, Event: []byte(*event), ID: id, Replayed: true}
		if payload != nil {
			b.Payload = []byte(*payload)
		} else {
			b.Form, b.Payload = protocol.FormUserBinary, raw
		}
		found.Messages = append(found.Messages, b)
	}
	return found, rows.Err()
}
