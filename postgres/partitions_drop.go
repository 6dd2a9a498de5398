package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"realtime/protocol/codes"
)

// DropOldPartitions removes the day partitions whose messages are all older than [Retention] and returns their names. Only
// those that bear a day's name and hold exactly that day are meant; any other is somebody's own and stays. A session of
// this database counts days by the database's time zone, so a day is over when it is over there and in UTC.
//
// A partition that is in use is left for the next time, so that nobody waits for long. The error is one fault,
// JanitorFailedToDeleteOldMessages, over all that could not be dropped; a connection's error is returned as it is. conn
// must not be in a transaction.
func DropOldPartitions(ctx context.Context, conn *pgx.Conn, now time.Time) (dropped []string, err error) {
	var old []partition
	err = pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		var there time.Time
		if err := tx.QueryRow(ctx, "select $1::timestamptz at time zone current_setting('TimeZone')", now).Scan(&there); err != nil {
			return fmt.Errorf("read the database's clock: %w", err)
		}
		list, err := listPartitions(ctx, tx)
		if err != nil {
			return err
		}
		old = oldDays(now, there, list)
		return nil
	})
	if err != nil {
		return nil, fault(codes.JanitorFailedToDeleteOldMessages, err)
	}
	var errs []error
	for _, p := range old {
		err := dropPartition(ctx, conn, p.name)
		switch {
		case err == nil:
			dropped = append(dropped, p.name)
		case IsConnection(err) || ctx.Err() != nil:
			return dropped, err
		case State(err) == "55P03": // a transaction on one of them is in the way of all: the lock is the parent's too
			err = fmt.Errorf("drop partition realtime.%s: a transaction that uses realtime.messages goes on for too long: %w", p.name, err)
			return dropped, fault(codes.JanitorFailedToDeleteOldMessages, errors.Join(append(errs, err)...))
		case State(err) == "42501":
			errs = append(errs, fmt.Errorf("drop partition realtime.%s: %w; as an administrator run: grant %s to the server's role", p.name, err, schemaOwner))
		default:
			errs = append(errs, fmt.Errorf("drop partition realtime.%s: %w", p.name, err))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return dropped, fault(codes.JanitorFailedToDeleteOldMessages, err)
	}
	return dropped, nil
}

// oldDays are the partitions whose day is over by more than the retention, by both clocks. there is the database's wall
// clock, as if it were UTC.
func oldDays(now, there time.Time, list []partition) []partition {
	clock := now.UTC()
	if there.Before(clock) {
		clock = there
	}
	limit := clock.Add(-Retention).Truncate(day)
	var old []partition
	for _, p := range list {
		date, err := time.Parse(partitionName, p.name)
		if err == nil && p.from.Equal(date) && p.to.Equal(date.Add(day)) && date.Before(limit) {
			old = append(old, p)
		}
	}
	return old
}

func dropPartition(ctx context.Context, conn *pgx.Conn, name string) error {
	sql := fmt.Sprintf("set local lock_timeout to %d; drop table if exists realtime.%s", partitionLockWait.Milliseconds(), quote(name))
	return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, sql, pgx.QueryExecModeSimpleProtocol)
		return err
	})
}
