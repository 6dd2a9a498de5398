package wal

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/jackc/pgx/v5"

	"realtime/postgres"
)

// retainWarn is how much log a slot may keep before somebody should know.
const retainWarn = 512 << 20

// State is what the server says of a slot. Sizes are in bytes.
type State struct {
	Status   string // wal_status: reserved, extended, unreserved or lost; "": there is no such slot
	Retained int64  // log that it keeps
	Safe     int64  // log that can still be written before it may be lost; -1: no bound
	End      LSN    // the end of the log
}

// Inspect asks for the state of a slot on a connection of its own.
func Inspect(ctx context.Context, s postgres.Settings, slot string) (State, error) {
	conn, err := postgres.Connect(ctx, s)
	if err != nil {
		return State{}, err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	return look(ctx, conn, slot)
}

const stateSQL = `
select coalesce(s.wal_status, ''), coalesce(pg_catalog.pg_wal_lsn_diff(e.lsn, s.restart_lsn), 0)::int8, coalesce(s.safe_wal_size, -1), e.lsn::text
from (select case when pg_catalog.pg_is_in_recovery() then pg_catalog.pg_last_wal_replay_lsn() else pg_catalog.pg_current_wal_flush_lsn() end) e (lsn)
left join pg_catalog.pg_replication_slots s on s.slot_name = $1`

func look(ctx context.Context, conn *pgx.Conn, slot string) (State, error) {
	var s State
	var end string
	if err := conn.QueryRow(ctx, stateSQL, slot).Scan(&s.Status, &s.Retained, &s.Safe, &end); err != nil {
		return State{}, fmt.Errorf("look at the replication slot: %w", err)
	}
	s.End = parseLSN(end)
	return s, nil
}

// Trouble is a reason to warn before the log that a slot keeps hurts, with what helps. "" is none.
func (s State) Trouble() string {
	switch {
	case s.Status == "":
		return "the slot does not exist"
	case s.Status == "lost":
		return "the slot lost its log and is made anew: changes are missing; raise max_slot_wal_keep_size"
	case s.Status == "unreserved":
		return "the next checkpoint may remove log that the slot needs; raise max_slot_wal_keep_size"
	case s.Safe >= 0 && s.Safe < s.Retained/4:
		return "the slot is near the end of what max_slot_wal_keep_size lets it keep; raise it, or find what slows the server down"
	case s.Status == "extended":
		return "the slot keeps more log than max_wal_size; find what slows the server down, or who stopped reading"
	case s.Retained > retainWarn:
		return "the slot keeps much log on the database's disk; find what slows the server down, or drop the slot if nobody will read it"
	}
	return ""
}

// LogValue writes the state as a group.
func (s State) LogValue() slog.Value {
	return slog.GroupValue(slog.String("wal_status", s.Status), slog.Int64("retained_bytes", s.Retained), slog.Int64("safe_bytes", s.Safe))
}
