package bench

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
)

// backlog writes all rows in one transaction, so that the server works them off without anybody writing meanwhile, and
// compares the time it takes with what a walsender needs to give them to a reader that drops them.
func (s *session) backlog(w *writer) error {
	drop, err := openDropper(s.ctx, s.t.Database)
	if err != nil {
		return err
	}
	defer drop.close(s.ctx)
	s.clock.phase("writing the backlog", s.o.Backlog, func(Tally) int64 { return w.statements.Load() })
	base := s.settled().Delivered
	from, before := s.t.look(), s.tally()
	committed, err := w.copy(s.ctx, s.o.Backlog)
	if err != nil {
		return fmt.Errorf("write the backlog: %w", err)
	}
	want := int64(s.o.Backlog) * w.fan
	s.clock.span("working it off", time.Minute, true)
	last, err := s.until(base+want, w)
	if err != nil {
		return err
	}
	sp := s.since(from, before)
	took := last.Sub(committed).Seconds()
	s.res.figure("rows_per_second", float64(s.o.Backlog)/took, "/s", "rows decided and delivered, from the commit on")
	s.res.figure("deliveries_after_commit", float64(want)/took, "/s", "messages received, from the commit on")
	walsender, err := drop.read(s.ctx, s.o.Backlog)
	if err != nil {
		return err
	}
	s.res.figure("walsender_rows_per_second", float64(s.o.Backlog)/walsender.Seconds(), "/s", "what Postgres gives a reader that drops it")
	s.res.figure("share_of_walsender", walsender.Seconds()/took, "", "rows_per_second by walsender_rows_per_second")
	if s.o.Policy == "opaque" {
		if err := s.floor(w.sql, float64(s.o.Backlog)/took); err != nil {
			return fmt.Errorf("ask Postgres itself: %w", err)
		}
	}
	s.res.Stopped = "all rows had arrived"
	s.drain(w.sent)
	s.costs(sp, float64(sp.tally.Delivered))
	s.finish()
	return nil
}

// floorClaims is how many claims Postgres itself is asked about.
const floorClaims = 20

// floor compares the rows decided in a second with what Postgres itself needs to evaluate the policy for each row and claims, in
// the plainest statement there is.
func (s *session) floor(sql *pgx.Conn, rowsPerSecond float64) error {
	n := min(s.o.Subscribers, floorClaims)
	var rows int64
	var took time.Duration
	for i := range n {
		claims, err := json.Marshal(s.o.claimsOf(i))
		if err != nil {
			return err
		}
		if _, err := sql.Exec(s.ctx, "begin; set local role authenticated; select set_config('request.jwt.claims', '"+string(claims)+"', true)"); err != nil {
			return err
		}
		began := time.Now()
		if err := sql.QueryRow(s.ctx, "select pg_catalog.count(*) from public.bench_rows").Scan(new(int64)); err != nil {
			return err
		}
		took += time.Since(began)
		rows += int64(s.o.Backlog)
		if _, err := sql.Exec(s.ctx, "rollback"); err != nil {
			return err
		}
	}
	floor := float64(rows) / took.Seconds() / float64(s.o.Subscribers)
	s.res.figure("policy_rows_per_second", floor, "/s", "rows that a bare SELECT evaluates the policy for, with everybody's claims in turn")
	s.res.figure("share_of_policy", rowsPerSecond/floor, "", "rows_per_second by policy_rows_per_second")
	return nil
}

// until waits for so many deliveries and returns when they were there.
func (s *session) until(delivered int64, w *writer) (time.Time, error) {
	look := time.NewTicker(time.Millisecond)
	defer look.Stop()
	moved, seen := time.Now(), int64(0)
	for {
		switch now := s.tally().Delivered; {
		case now >= delivered:
			return time.Now(), nil
		case now != seen:
			moved, seen = time.Now(), now
		case time.Since(moved) > 2*dialTimeout:
			s.drain(w.sent)
			return time.Time{}, fmt.Errorf("wait for %d deliveries: there were %d, and no more for a minute", delivered, now)
		}
		select {
		case <-look.C:
		case <-s.ctx.Done():
			return time.Time{}, context.Cause(s.ctx)
		}
	}
}

// copy writes n rows in one transaction and returns when it was committed.
func (w *writer) copy(ctx context.Context, n int) (time.Time, error) {
	rows := pgx.CopyFromFunc(func() ([]any, error) {
		if n == 0 {
			return nil, nil
		}
		n--
		owner, room, shared, body := w.row(int64(time.Since(w.s.origin)))
		w.statements.Add(1)
		var id [16]byte
		copy(id[:], parseID(owner))
		return []any{id, room, shared, body}, nil
	})
	_, err := w.sql.CopyFrom(ctx, pgx.Identifier{"public", "bench_rows"}, []string{"owner", "room", "shared", "body"}, rows)
	return time.Now(), err
}

// parseID reads the bytes of a UUID that subscriberID made.
func parseID(text string) (id []byte) {
	for i := 0; i+1 < len(text); i++ {
		if text[i] == '-' {
			continue
		}
		id = append(id, unhex[text[i]]<<4|unhex[text[i+1]])
		i++
	}
	return id
}

// dropper is a reader of the write-ahead log that drops what it gets: the most that anybody could reach.
type dropper struct{ conn *pgconn.PgConn }

const dropperSlot = "realtime_bench_walsender"

// openDropper makes a slot that dies with its connection. What commits from now on is read later.
func openDropper(ctx context.Context, url string) (*dropper, error) {
	c, err := pgconn.ParseConfig(url)
	if err != nil {
		return nil, errors.New("read the database's address: it is no Postgres URL") // the cause may hold the password
	}
	c.RuntimeParams["replication"] = "database"
	conn, err := pgconn.ConnectConfig(ctx, c)
	if err != nil {
		return nil, fmt.Errorf("connect for replication: %w", err)
	}
	d := &dropper{conn: conn}
	if _, err := conn.Exec(ctx, "CREATE_REPLICATION_SLOT "+dropperSlot+" TEMPORARY LOGICAL pgoutput NOEXPORT_SNAPSHOT").ReadAll(); err != nil {
		d.close(ctx)
		return nil, fmt.Errorf("make a slot: %w", err)
	}
	return d, nil
}

func (d *dropper) close(ctx context.Context) {
	_ = d.conn.Close(context.WithoutCancel(ctx)) // its slot goes with it
}

// read takes n inserts and returns how long that took.
func (d *dropper) read(ctx context.Context, n int) (time.Duration, error) {
	began := time.Now()
	d.conn.Frontend().SendQuery(&pgproto3.Query{
		String: "START_REPLICATION SLOT " + dropperSlot + " LOGICAL 0/0 (proto_version '1', publication_names 'supabase_realtime')",
	})
	if err := d.conn.Frontend().Flush(); err != nil {
		return 0, fmt.Errorf("start replication: %w", err)
	}
	for n > 0 {
		m, err := d.conn.ReceiveMessage(ctx)
		if err != nil {
			return 0, fmt.Errorf("read the write-ahead log: %w", err)
		}
		switch m := m.(type) {
		case *pgproto3.ErrorResponse:
			return 0, fmt.Errorf("read the write-ahead log: %w", pgconn.ErrorResponseToPgError(m))
		case *pgproto3.CopyData:
			if len(m.Data) > 25 && m.Data[0] == 'w' && m.Data[25] == 'I' { // XLogData with an Insert
				n--
			} else if len(m.Data) > 17 && m.Data[0] == 'k' && m.Data[17] == 1 {
				d.alive(binary.BigEndian.Uint64(m.Data[1:]))
			}
		}
	}
	return time.Since(began), nil
}

// alive answers a keepalive that asks for it. Nothing is confirmed: the slot is not needed again.
func (d *dropper) alive(uint64) {
	d.conn.Frontend().Send(&pgproto3.CopyData{Data: append([]byte{'r'}, make([]byte, 33)...)})
	_ = d.conn.Frontend().Flush() // the next receive says what is wrong
}
