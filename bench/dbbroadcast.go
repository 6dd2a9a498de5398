package bench

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// dbBroadcast sends with SQL: realtime.send puts a row into realtime.messages, and the server broadcasts it.
func dbBroadcast(s *session) error {
	sql, err := s.database()
	if err != nil {
		return err
	}
	defer sql.Close(context.WithoutCancel(s.ctx))
	var there bool
	if err := sql.QueryRow(s.ctx, "select to_regprocedure('realtime.send(jsonb,text,text,boolean)') is not null").Scan(&there); err != nil {
		return fmt.Errorf("look for realtime.send: %w", err)
	}
	if !there {
		return errors.New("look for realtime.send: the database has no such function; start the server once, which makes it")
	}
	conns, err := s.connect(s.o.Subscribers, func(i int) opening { return opening{version: s.o.version(i)} })
	if err != nil {
		return err
	}
	var seats []*seat
	step := max(1, len(conns)/50)
	for i, c := range conns {
		c.sampled = i%step == 0
		c.expect(0, 1)
		c.hear(0)
		seats = append(seats, &seat{c: c, topic: topicOf(0), payload: quiet})
	}
	if err := s.join(seats); err != nil {
		return err
	}
	if err := s.awaitMessages(sql); err != nil {
		return err
	}
	w := newWriter(s, sql, false, "select realtime.send(body::jsonb, '"+event+"', '"+topicOf(0)[len(topicPrefix):]+"', false) from unnest($1::text[]) body")
	w.bodies = true
	return w.measure()
}

// awaitMessages waits until the server reads realtime.messages, which it begins to do with the first join. What is written
// before that nobody hears of; a join of a public channel does not wait for it.
func (s *session) awaitMessages(sql *pgx.Conn) error {
	ctx, cancel := context.WithTimeout(s.ctx, 30*time.Second)
	defer cancel()
	for {
		var reads bool
		err := sql.QueryRow(ctx, "select exists (select from pg_replication_slots where active and slot_name like 'supabase\\_realtime\\_messages%')").Scan(&reads)
		switch {
		case err != nil:
			return fmt.Errorf("wait until the server reads realtime.messages: %w", err)
		case reads:
			return nil
		}
		select {
		case <-ctx.Done():
		case <-time.After(20 * time.Millisecond):
		}
	}
}
