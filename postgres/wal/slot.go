package wal

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"github.com/jackc/pglogrepl"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"realtime/postgres"
	"realtime/protocol/codes"
)

const plugin = "pgoutput"

// server is what the server says before anything is made on it.
type server struct {
	walLevel      string
	senderTimeout time.Duration // wal_sender_timeout; 0 is none
	publication   bool
	flushed       LSN    // the end of its WAL
	keepSize      string // max_slot_wal_keep_size in MB, -1 is without bound

	slot      bool // a slot of the name exists; what follows is about it
	plugin    string
	ours      bool // it is a slot of this database
	temporary bool
	pid       int // who reads it, 0: nobody
	walStatus string
	confirmed LSN
}

// inspect asks all that in one query, on the replication connection itself.
func inspect(ctx context.Context, conn *pgconn.PgConn, o *Options) (server, error) {
	results, err := conn.Exec(ctx, `
select pg_catalog.current_setting('wal_level'),
	(select setting from pg_catalog.pg_settings where name = 'wal_sender_timeout'),
	exists (select from pg_catalog.pg_publication where pubname = `+quoteText(o.Publication)+`),
	case when pg_catalog.pg_is_in_recovery() then pg_catalog.pg_last_wal_replay_lsn() else pg_catalog.pg_current_wal_flush_lsn() end,
	s.slot_name is not null, s.plugin, s.database = pg_catalog.current_database(), s.temporary, s.active_pid, s.wal_status,
	s.confirmed_flush_lsn, (select setting from pg_catalog.pg_settings where name = 'max_slot_wal_keep_size')
from (select) one left join pg_catalog.pg_replication_slots s on s.slot_name = `+quoteText(o.Slot)).ReadAll()
	if err != nil {
		return server{}, err
	}
	if len(results) != 1 || len(results[0].Rows) != 1 {
		return server{}, errors.New("inspect server: no answer")
	}
	row := results[0].Rows[0]
	text := func(i int) string { return string(row[i]) } // NULL is ""
	millis, err := strconv.Atoi(text(1))
	if err != nil {
		return server{}, fmt.Errorf("inspect server: read wal_sender_timeout: %w", err)
	}
	pid, _ := strconv.Atoi(text(8)) // NULL: nobody
	s := server{
		walLevel: text(0), senderTimeout: time.Duration(millis) * time.Millisecond, publication: text(2) == "t",
		flushed: parseLSN(text(3)), slot: text(4) == "t", plugin: text(5), ours: text(6) == "t",
		temporary: text(7) == "t", pid: pid, walStatus: text(9), confirmed: parseLSN(text(10)),
		keepSize: text(11),
	}
	return s, nil
}

// evictLimit bounds the wait for a session that was ended to let go of its slot.
const evictLimit = 5 * time.Second

// evict ends the session pid, which reads our slot, and waits until the slot is free.
func evict(ctx context.Context, conn *pgconn.PgConn, o *Options, pid int) (server, error) {
	o.Log.Warn("ending the session that reads the replication slot", slog.String("slot", o.Slot), slog.Int("pid", pid))
	ctx, cancel := context.WithTimeout(ctx, evictLimit)
	defer cancel()
	if err := conn.Exec(ctx, "select pg_catalog.pg_terminate_backend("+strconv.Itoa(pid)+")").Close(); err != nil {
		return server{}, err
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		s, err := inspect(ctx, conn, o)
		if err != nil || s.pid != pid {
			return s, err
		}
		select {
		case <-ctx.Done():
			return server{}, ctx.Err()
		case <-tick.C:
		}
	}
}

// parseLSN reads what Postgres prints; 0 for NULL.
func parseLSN(text string) LSN {
	l, err := pglogrepl.ParseLSN(text)
	if err != nil {
		return 0
	}
	return LSN(l)
}

// ready finds what replication lacks before the slot is made. The publication comes first: pgoutput looks it up in the
// catalog as of each change, so a slot that is older than its publication fails at every change in between.
func (o *Options) ready(s *server) error {
	switch {
	case s.walLevel != "logical":
		return codes.New(codes.StartReplicationFailed,
			"wal_level is %s; run: alter system set wal_level = logical, then restart Postgres", s.walLevel)
	case !s.publication:
		return o.noPublication(nil)
	case !s.slot:
		return nil
	case s.plugin != plugin || !s.ours:
		return codes.New(codes.StartReplicationFailed,
			"slot %q exists with another plugin or for another database; choose another name, or drop it with pg_drop_replication_slot", o.Slot)
	case s.pid != 0 || s.temporary: // after evict; a temporary slot has a session that will use it
		return o.inUse(s.pid, nil)
	case !o.Durable:
		return codes.New(codes.StartReplicationFailed,
			"a permanent slot %q exists; use it as a durable one, or drop it with pg_drop_replication_slot", o.Slot)
	}
	return nil
}

// takeSlot makes the slot, or takes up the durable one that is there, and returns where to start.
func takeSlot(ctx context.Context, conn *pgconn.PgConn, o *Options, s *server) (from LSN, gap bool, err error) {
	if s.slot && s.walStatus == "lost" {
		o.Log.Error("replication slot was invalidated, the changes since then are lost; it is made anew", slog.String("slot", o.Slot),
			slog.String("code", string(codes.ReplicationSlotNotAlive)), slog.String("hint", "raise max_slot_wal_keep_size"))
		if err := pglogrepl.DropReplicationSlot(ctx, conn, quoteName(o.Slot), pglogrepl.DropReplicationSlotOptions{}); err != nil {
			return 0, false, o.fault(err, codes.StartReplicationFailed, "dropping the invalidated replication slot")
		}
		s.slot = false
	}
	if s.slot {
		from, gap = o.resume(s)
		return from, gap, nil
	}
	made, err := pglogrepl.CreateReplicationSlot(ctx, conn, quoteName(o.Slot), plugin,
		pglogrepl.CreateReplicationSlotOptions{Temporary: !o.Durable, SnapshotAction: "NOEXPORT_SNAPSHOT"})
	switch {
	case postgres.IsDuplicateObject(err): // made by another session a moment ago
		return 0, false, o.inUse(0, err)
	case errors.Is(err, context.DeadlineExceeded):
		return 0, false, codes.Wrap(codes.ReplicationConnectionTimeout, err,
			"making slot %q waits for transactions that began before it; find them in pg_stat_activity by xact_start", o.Slot)
	case err != nil:
		return 0, false, o.fault(err, codes.StartReplicationFailed, "making the replication slot")
	}
	return parseLSN(made.ConsistentPoint), true, nil
}

// resume returns where to take a durable slot up: where the owner left off, if the server ever came that far.
func (o *Options) resume(s *server) (from LSN, gap bool) {
	if s.walStatus == "unreserved" {
		o.Log.Warn("replication slot is about to lose its WAL, raise max_slot_wal_keep_size", slog.String("slot", o.Slot))
	}
	if o.From.End > s.flushed { // a restored or another database: its positions mean nothing here
		o.Log.Warn("start position lies beyond the end of the WAL, streaming from what the slot remembers",
			slog.String("slot", o.Slot), slog.String("lsn", o.From.End.String()))
		o.From = Place{}
		return s.confirmed, true
	}
	return max(o.From.End, s.confirmed), o.From.End != 0 && s.confirmed > o.From.End
}

// start begins streaming. When it returns, the server has answered CopyBoth: the slot is ours and consistent.
func start(ctx context.Context, conn *pgconn.PgConn, o *Options, from LSN) error {
	err := pglogrepl.StartReplication(ctx, conn, quoteName(o.Slot), pglogrepl.LSN(from),
		pglogrepl.StartReplicationOptions{Mode: pglogrepl.LogicalReplication, PluginArgs: o.pluginArgs()})
	switch postgres.State(err) {
	case "55000", "42704": // object_not_in_prerequisite_state, undefined_object: invalidated or dropped meanwhile
		return o.lost(err)
	}
	if err != nil {
		return o.fault(err, codes.StartReplicationFailed, "starting replication")
	}
	return nil
}

// DropSlot drops a slot that nobody reads, if it exists.
func DropSlot(ctx context.Context, conn *pgx.Conn, slot string) error {
	_, err := conn.Exec(ctx, `
select pg_catalog.pg_drop_replication_slot(slot_name) from pg_catalog.pg_replication_slots where slot_name = $1`, slot)
	if err != nil && !postgres.IsUndefinedObject(err) { // gone between look and drop
		return fmt.Errorf("drop slot: %w", err)
	}
	return nil
}
