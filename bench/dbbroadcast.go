package bench

import (
	"context"
	"errors"
	"fmt"
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
	w := newWriter(s, sql, false, "select realtime.send(body::jsonb, '"+event+"', '"+topicOf(0)[len(topicPrefix):]+"', false) from unnest($1::text[]) body")
	w.bodies = true
	return w.measure()
}
