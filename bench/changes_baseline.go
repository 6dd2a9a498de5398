package bench

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	baselineSlot = "realtime_bench_baseline"
	baselineRows = 200 // with a thousand subscribers the original's functions decide a few dozen a second
)

// baseline asks the original server's own functions, where the database has them, to decide rows for the same subscribers:
// what its SQL alone takes, before anything is delivered.
func (s *session) baseline(sql *pgx.Conn) error {
	var there bool
	err := sql.QueryRow(s.ctx, `select to_regprocedure('realtime.list_changes(name,name,integer,integer)') is not null
		and to_regtype('realtime.user_defined_filter') is not null`).Scan(&there)
	if err != nil {
		return fmt.Errorf("look for the original's functions: %w", err)
	}
	if !there {
		s.res.note("no baseline: the database has no realtime.list_changes, which only the original server's migrations make")
		return nil
	}
	if _, err := sql.Exec(s.ctx, "select pg_create_logical_replication_slot('"+baselineSlot+"', 'wal2json', true)"); err != nil {
		s.res.note("no baseline: " + err.Error())
		return nil // a database without wal2json is no failure
	}
	ctx := context.WithoutCancel(s.ctx)
	defer sql.Exec(ctx, "select pg_drop_replication_slot('"+baselineSlot+"')")                           //nolint:errcheck // temporary: it ends with the connection
	defer sql.Exec(ctx, "delete from realtime.subscription where claims ->> 'aud' = '"+baselineSlot+"'") //nolint:errcheck // the next run of the server clears them too
	return s.decideAsOriginal(sql)
}

// decideAsOriginal subscribes as the original does, writes rows and has them decided.
func (s *session) decideAsOriginal(sql *pgx.Conn) error {
	filter := "'{}'::realtime.user_defined_filter[]"
	if s.o.Filter == "eq" {
		filter = "array[('owner', 'eq', u::text)::realtime.user_defined_filter]"
	}
	_, err := sql.Exec(s.ctx, `insert into realtime.subscription (subscription_id, entity, filters, claims)
		select gen_random_uuid(), 'public.bench_rows'::regclass, `+filter+`, jsonb_build_object('role', 'authenticated', 'sub', u, 'aud', $2::text)
		from (select ('00000000-0000-4000-8000-' || lpad(i::text, 12, '0'))::uuid u from generate_series(0, $1::int - 1) i) s`,
		s.o.Subscribers, baselineSlot)
	if err != nil {
		return fmt.Errorf("subscribe as the original does: %w", err)
	}
	w := newWriter(s, sql, s.o.alone(), insertRows)
	if err := w.write(s.ctx, baselineRows, func(int) int64 { return 0 }); err != nil {
		return fmt.Errorf("write rows for the baseline: %w", err)
	}
	began, decided := time.Now(), 0
	for decided < baselineRows {
		var n int
		err := sql.QueryRow(s.ctx, `select count(*) from realtime.list_changes('supabase_realtime', $1, 100, 1048576) where wal is not null`,
			baselineSlot).Scan(&n)
		if err != nil {
			return fmt.Errorf("ask the original's functions: %w", err)
		}
		if n == 0 {
			break // nobody was to see the rest
		}
		decided += n
	}
	took := time.Since(began).Seconds()
	s.res.figure("baseline_rows_per_second", float64(decided)/took, "/s", "rows decided by the original's SQL alone")
	if own, ok := s.res.Value("rows_per_second"); ok && decided > 0 {
		s.res.figure("by_baseline", own/(float64(decided)/took), "", "rows_per_second by that")
	}
	return nil
}
