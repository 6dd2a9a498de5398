package wal

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"realtime/postgres"
	"realtime/protocol/codes"
)

// Run reads until ctx ends, Close is called or the connection is lost, and returns why, never nil. It sends every
// transaction to out and blocks while out is full; the server is answered meanwhile. A stream runs once.
//
// The end of ctx is returned as its cause, Close as ErrClosed. Everything else carries a code: ReplicationConnectionDown,
// or StartReplicationFailed when the publication was dropped.
func (s *Stream) Run(ctx context.Context, out chan<- *Tx) error {
	if !s.running.TryLock() {
		return s.stopped(ctx, errors.New("run stream: it runs already"))
	}
	defer s.running.Unlock()
	woken := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		_ = s.conn.SetReadDeadline(past)
		close(woken)
	})
	defer func() {
		if !stop() {
			<-woken // the deadline must not be set later: Close reads once more
		}
		s.pulse.waiting.Store(true)
	}()
	for {
		s.pulse.waiting.Store(false)
		msg, err := s.frontend.Receive()
		if err != nil {
			return s.stopped(ctx, err)
		}
		s.pulse.heard.Store(true)
		tx, err := s.message(msg)
		if err != nil {
			return err
		}
		if tx == nil {
			continue
		}
		if err := s.deliver(ctx, out, tx); err != nil {
			return err
		}
	}
}

// deliver hands a part over. It waits for room as long as it takes.
func (s *Stream) deliver(ctx context.Context, out chan<- *Tx, tx *Tx) error {
	if tx.Last {
		raise(&s.at.pending, tx.End)
	}
	if err := s.room(ctx, int64(tx.Bytes)); err != nil {
		return err
	}
	select {
	case out <- tx:
		return nil
	default:
	}
	s.pulse.waiting.Store(true)
	select {
	case out <- tx:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-s.closing:
		return ErrClosed
	case <-s.pulsed:
		return s.stopped(ctx, errors.New("connection closed"))
	}
}

// room waits until n more bytes may be on their way. A part larger than all the room goes alone.
func (s *Stream) room(ctx context.Context, n int64) error {
	for s.o.QueueBytes > 0 {
		if on := s.queued.Load(); on == 0 || on+n <= s.o.QueueBytes {
			break
		}
		s.pulse.waiting.Store(true)
		select {
		case <-s.freed:
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-s.closing:
			return ErrClosed
		case <-s.pulsed:
			return s.stopped(ctx, errors.New("connection closed"))
		}
	}
	s.queued.Add(n)
	return nil
}

// Done says that a part is dealt with and its memory of no more use: room for others, where Options.QueueBytes bounds them.
func (s *Stream) Done(tx *Tx) {
	s.queued.Add(-int64(tx.Bytes))
	select {
	case s.freed <- struct{}{}:
	default: // the reader has been woken already
	}
}

// stopped says why reading ended: because someone wanted it to, or because of err.
func (s *Stream) stopped(ctx context.Context, err error) error {
	select {
	case <-s.closing:
		return ErrClosed
	default:
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	select {
	case <-s.pulsed: // it closed the connection, err says only that
		err = s.broken
	default:
	}
	return codes.Wrap(codes.ReplicationConnectionDown, err, "")
}

// message handles one protocol message. It returns the part of a transaction that became ready, if any.
func (s *Stream) message(msg pgproto3.BackendMessage) (*Tx, error) {
	switch m := msg.(type) {
	case *pgproto3.CopyData:
		return s.data(m.Data)
	case *pgproto3.ErrorResponse:
		err := pgconn.ErrorResponseToPgError(m)
		if postgres.IsUndefinedObject(err) { // pgoutput looks the publication up again after each change of the catalog
			return nil, s.o.noPublication(err)
		}
		return nil, codes.Wrap(codes.ReplicationConnectionDown, err, "")
	case *pgproto3.CopyDone, *pgproto3.CommandComplete, *pgproto3.ReadyForQuery:
		return nil, codes.Wrap(codes.ReplicationConnectionDown, errors.New("the server ended the stream"), "")
	default: // notices, parameter changes
		return nil, nil
	}
}

// data handles a message of the streaming protocol: WAL data or a keepalive.
func (s *Stream) data(msg []byte) (*Tx, error) {
	c := &cursor{rest: msg}
	switch kind := c.byte(); kind {
	case 'w':
		begin, end := c.lsn(), c.lsn()
		c.uint64() // the server's clock
		if c.short {
			return nil, codes.Wrap(codes.ReplicationConnectionDown, fmt.Errorf("read WAL data: %w", errShort), "")
		}
		raise(&s.at.received, max(begin, end))
		tx, err := s.decoder.decode(c.rest)
		if err != nil {
			return nil, codes.Wrap(codes.ReplicationConnectionDown, err, "")
		}
		if tx == nil && !s.decoder.inside { // a transaction without rows, or nothing: all before it was handed over
			raise(&s.at.idle, s.decoder.end)
		}
		return tx, nil
	case 'k':
		end := c.lsn()
		c.uint64()
		wanted := c.byte() != 0
		if c.short {
			return nil, codes.Wrap(codes.ReplicationConnectionDown, fmt.Errorf("read keepalive: %w", errShort), "")
		}
		raise(&s.at.received, end)
		if !s.decoder.inside {
			raise(&s.at.idle, end)
		}
		if wanted {
			s.pulse.answer()
		}
		return nil, nil
	default:
		return nil, codes.Wrap(codes.ReplicationConnectionDown, fmt.Errorf("read stream: unknown message %q", kind), "")
	}
}
