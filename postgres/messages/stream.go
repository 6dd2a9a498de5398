package messages

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/jackc/pgx/v5"

	"realtime/postgres"
	"realtime/postgres/wal"
	"realtime/protocol/codes"
)

// Publication is what the stream reads, under upstream's name.
const Publication = "supabase_realtime_messages_publication"

const createPublication = "create publication " + Publication + " for table realtime.messages"

// Open makes sure of the publication and opens the stream of it. o.Publication is set here. Errors are as of wal.Open,
// and StartReplicationFailed with the SQL that an administrator must run.
func Open(ctx context.Context, o wal.Options) (*wal.Stream, error) {
	o.Publication = Publication
	if err := publish(ctx, o); err != nil {
		return nil, err
	}
	return wal.Open(ctx, o)
}

// publish makes the publication if it is missing, and makes it anew if it publishes anything else.
func publish(ctx context.Context, o wal.Options) (err error) {
	conn, err := postgres.Connect(ctx, o.Settings)
	if err != nil {
		return codes.Wrap(codes.UnableToConnectToTenantDatabase, err, "")
	}
	defer func() { err = errors.Join(err, conn.Close(ctx)) }()
	var table, there, right bool
	if err := conn.QueryRow(ctx, lookSQL, Publication).Scan(&table, &there, &right); err != nil {
		return codes.Wrap(codes.StartReplicationFailed, err, "reading the publication %s failed", Publication)
	}
	switch {
	case !table:
		return codes.New(codes.StartReplicationFailed, "the table realtime.messages does not exist; run: realtime migrate")
	case right:
		return nil
	case there:
		log(o).Warn("publication publishes something else than realtime.messages, making it anew", "publication", Publication)
	}
	return create(ctx, conn, there)
}

// A partitioned table is published by its root, or by partitions that somebody named one by one.
const lookSQL = `
select to_regclass('realtime.messages') is not null, p.oid is not null,
	coalesce(not p.puballtables and p.pubinsert and t.tables > 0 and t.tables = t.ours, false)
from (select) one left join pg_catalog.pg_publication p on p.pubname = $1
left join lateral (
	select count(*) as tables, count(*) filter (where n.nspname = 'realtime' and (c.relname = 'messages' or c.relname like 'messages\_%')) as ours
	from pg_catalog.pg_publication_rel r join pg_catalog.pg_class c on c.oid = r.prrelid join pg_catalog.pg_namespace n on n.oid = c.relnamespace
	where r.prpubid = p.oid) t on true`

func create(ctx context.Context, conn *pgx.Conn, there bool) error {
	sql := createPublication
	if there {
		sql = "begin; drop publication " + Publication + "; " + createPublication + "; commit"
	}
	_, err := conn.Exec(ctx, sql, pgx.QueryExecModeSimpleProtocol)
	if err == nil || postgres.IsDuplicateObject(err) { // another node made it a moment ago
		return nil
	}
	return codes.Wrap(codes.StartReplicationFailed, fmt.Errorf("create publication: %w", err),
		"the publication of realtime.messages cannot be made; have its owner run: %s", createPublication)
}

func log(o wal.Options) *slog.Logger {
	if o.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return o.Log
}
