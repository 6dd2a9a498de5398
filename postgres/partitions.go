package postgres

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"realtime/protocol/codes"
)

const (
	daysBefore = 1 // a session west of UTC still writes yesterday
	daysAhead  = 3 // as long as nobody makes new ones, realtime.send works
	day        = 24 * time.Hour

	// partitionLockWait bounds how long a change of partitions waits for a table, because whoever writes messages
	// queues behind it meanwhile.
	partitionLockWait = 2 * time.Second
)

// Retention is how long messages are kept at least.
const Retention = 72 * time.Hour

// partition is one part of realtime.messages. Bounds that are not plain times (DEFAULT, MINVALUE) leave from and to zero.
type partition struct {
	name     string
	from, to time.Time
	owned    bool
}

const partitionsSQL = `select c.relname, pg_get_expr(c.relpartbound, c.oid), pg_has_role(c.relowner, 'usage')
from pg_inherits i join pg_class c on c.oid = i.inhrelid join pg_namespace n on n.oid = c.relnamespace
where i.inhparent = to_regclass('realtime.messages') and n.nspname = 'realtime' order by 1`

// listPartitions reads the partitions by what they hold, because names are only names.
func listPartitions(ctx context.Context, tx pgx.Tx) ([]partition, error) {
	if _, err := tx.Exec(ctx, "set local datestyle to 'ISO, YMD'"); err != nil {
		return nil, fmt.Errorf("list partitions: %w", err)
	}
	rows, err := tx.Query(ctx, partitionsSQL, pgx.QueryExecModeExec)
	if err != nil {
		return nil, fmt.Errorf("list partitions: %w", err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (partition, error) {
		var p partition
		var bounds string
		err := row.Scan(&p.name, &bounds, &p.owned)
		p.from, p.to = readBounds(bounds)
		return p, err
	})
	if err != nil {
		return nil, fmt.Errorf("list partitions: %w", err)
	}
	return list, nil
}

var boundsPattern = regexp.MustCompile(`^FOR VALUES FROM \('([^']+)'\) TO \('([^']+)'\)$`)

// readBounds understands the bounds of any range between two times.
func readBounds(text string) (from, to time.Time) {
	m := boundsPattern.FindStringSubmatch(text)
	if m == nil {
		return time.Time{}, time.Time{}
	}
	from, err1 := time.Parse("2006-01-02 15:04:05", m[1])
	to, err2 := time.Parse("2006-01-02 15:04:05", m[2])
	if err1 != nil || err2 != nil {
		return time.Time{}, time.Time{}
	}
	return from, to
}

const partitionName = "messages_2006_01_02"

// statements make the partition of one day, beside the table and then as a part of it: that way nobody who writes messages
// has to wait, which CREATE TABLE … PARTITION OF would ask of them.
func partitionStatements(date time.Time, owner string) []string {
	name := "realtime." + date.Format(partitionName)
	return []string{
		"create table " + name + " (like realtime.messages including defaults including constraints including generated including storage)",
		"alter table " + name + " owner to " + owner,
		fmt.Sprintf("alter table realtime.messages attach partition %s for values from ('%s') to ('%s')",
			name, date.Format(time.DateOnly), date.Add(day).Format(time.DateOnly)),
	}
}

// missingDays are the days around now that no partition holds, by UTC.
func missingDays(now time.Time, list []partition) []time.Time {
	today := now.UTC().Truncate(day)
	var missing []time.Time
	for n := -daysBefore; n <= daysAhead; n++ {
		date := today.Add(time.Duration(n) * day)
		held := slices.ContainsFunc(list, func(p partition) bool {
			return !p.from.IsZero() && !p.from.After(date) && !p.to.Before(date.Add(day))
		})
		if !held {
			missing = append(missing, date)
		}
	}
	return missing
}

// EnsurePartitions makes the partitions of yesterday, today and the next three days (UTC) that are missing, each in a
// transaction of its own, and returns the names of those it made. Several servers may do so at once. It asks one question
// when nothing is missing, and does nothing where there is no realtime.messages. A day that cannot be made does not keep
// the others from being made: the error is one fault, PartitionCreationFailed, over all of them; a connection's error is
// returned as it is. conn must not be in a transaction.
func EnsurePartitions(ctx context.Context, conn *pgx.Conn, now time.Time) (made []string, err error) {
	var missing []time.Time
	var owner *string
	err = pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		list, err := listPartitions(ctx, tx)
		if err != nil {
			return err
		}
		missing = missingDays(now, list)
		if len(missing) == 0 {
			return nil
		}
		const sql = `select relowner::regrole::text from pg_class where oid = to_regclass('realtime.messages') and relkind = 'p'`
		if err := tx.QueryRow(ctx, sql, pgx.QueryExecModeExec).Scan(&owner); err != nil && !errors.Is(err, pgx.ErrNoRows) {
			return fmt.Errorf("find the owner of realtime.messages: %w", err)
		}
		return nil
	})
	if err != nil {
		return nil, fault(codes.PartitionCreationFailed, err)
	}
	if owner == nil {
		return nil, nil
	}
	var errs []error
	for _, date := range missing {
		done, err := makePartition(ctx, conn, date, *owner)
		switch {
		case err == nil && done:
			made = append(made, date.Format(partitionName))
		case err != nil:
			errs = append(errs, fmt.Errorf("make partition realtime.%s: %w", date.Format(partitionName), err))
		}
		if err != nil && (IsConnection(err) || ctx.Err() != nil) {
			return made, err
		}
	}
	if err := errors.Join(errs...); err != nil {
		return made, fault(codes.PartitionCreationFailed, err)
	}
	return made, nil
}

// makePartition is false if the day has become held by now: another server was quicker.
func makePartition(ctx context.Context, conn *pgx.Conn, date time.Time, owner string) (made bool, err error) {
	err = pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		wait := fmt.Sprintf("set local lock_timeout to %d; %s", partitionLockWait.Milliseconds(), lockSQL)
		if _, err := tx.Exec(ctx, wait, pgx.QueryExecModeSimpleProtocol); err != nil {
			return err
		}
		list, err := listPartitions(ctx, tx)
		if err != nil {
			return err
		}
		if !slices.Contains(missingDays(date.Add(daysBefore*day), list), date) {
			return nil
		}
		for _, sql := range partitionStatements(date, owner) {
			if _, err := tx.Exec(ctx, sql, pgx.QueryExecModeSimpleProtocol); err != nil {
				return partitionTrouble(err, date, owner)
			}
		}
		made = true
		return nil
	})
	return made, err
}

// partitionTrouble adds to an error what mends it.
func partitionTrouble(err error, date time.Time, owner string) error {
	name := "realtime." + date.Format(partitionName)
	switch State(err) {
	case "42P07":
		return fmt.Errorf("%w; it is there but no partition of realtime.messages; make it one: alter table realtime.messages attach partition %s for values from ('%s') to ('%s')",
			err, name, date.Format(time.DateOnly), date.Add(day).Format(time.DateOnly))
	case "42501":
		return fmt.Errorf("%w; as an administrator run: grant %s to the server's role", err, owner)
	}
	return err
}
