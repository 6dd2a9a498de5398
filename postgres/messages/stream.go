package messages

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"realtime/postgres"
	"realtime/postgres/wal"
	"realtime/protocol/codes"
)

// Publication is what the stream reads, under upstream's name.
const Publication = "supabase_realtime_messages_publication"

// Open makes sure of the table, the partitions of these days and the publication, then opens the stream; o.Publication is
// set here. Errors are as of wal.Open, MigrationsFailedToRun, and StartReplicationFailed with what an administrator must run.
// Partitions that cannot be made are logged.
func Open(ctx context.Context, o wal.Options) (*wal.Stream, error) {
	o.Publication = Publication
	if err := prepare(ctx, o); err != nil {
		return nil, err
	}
	return wal.Open(ctx, o)
}

func prepare(ctx context.Context, o wal.Options) (err error) {
	conn, err := postgres.Connect(ctx, o.Settings)
	if err != nil {
		code := codes.UnableToConnectToTenantDatabase
		if errors.Is(err, context.DeadlineExceeded) {
			code = codes.ReplicationConnectionTimeout
		}
		return codes.Wrap(code, err, "")
	}
	defer func() { err = errors.Join(err, conn.Close(ctx)) }()
	done, err := postgres.PrepareTenant(ctx, conn, time.Now())
	switch {
	case err == nil && !done.Schema.Messages:
		return codes.New(codes.StartReplicationFailed, "the table realtime.messages does not exist; run: realtime migrate")
	case err != nil && !done.Schema.Messages:
		return err
	case err != nil && o.Log != nil: // whoever inserts into the missing days hears of it from Postgres
		o.Log.Error("partition of realtime.messages not made", "code", string(codes.Of(err).Code), "err", err)
	}
	return publish(ctx, conn, o)
}

// publish makes the publication if it is missing, and makes it anew if it publishes anything else.
func publish(ctx context.Context, conn *pgx.Conn, o wal.Options) error {
	changed, err := postgres.EnsureMessagesPublication(ctx, conn)
	if err != nil {
		return codes.Wrap(codes.StartReplicationFailed, err, "the publication of realtime.messages cannot be made")
	}
	if changed && o.Log != nil {
		o.Log.Warn("publication of realtime.messages made, or made anew", "publication", Publication)
	}
	return nil
}
