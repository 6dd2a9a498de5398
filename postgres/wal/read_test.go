package wal

import (
	"encoding/binary"
	"testing"
	"time"
)

// unconnected is a stream to feed by hand.
func unconnected() *Stream {
	s := &Stream{decoder: newDecoder(Place{})}
	s.pulse = newPulse(nil, &s.at, 0, time.Hour)
	return s
}

// walData wraps a pgoutput message as the server sends it from a position.
func walData(at LSN, msg []byte) []byte {
	b := binary.BigEndian.AppendUint64([]byte{'w'}, uint64(at))
	b = binary.BigEndian.AppendUint64(b, uint64(at))
	b = binary.BigEndian.AppendUint64(b, 0)
	return append(b, msg...)
}

func keepalive(end LSN, reply byte) []byte {
	b := binary.BigEndian.AppendUint64([]byte{'k'}, uint64(end))
	return append(binary.BigEndian.AppendUint64(b, 0), reply)
}

// TestWhatMayBeForgotten follows positions through one sequence of messages: keepalives and transactions without rows
// let go of what was read, but not inside a transaction, whose rows are still to come.
func TestWhatMayBeForgotten(t *testing.T) {
	row := Row{Rel: pair, Op: Insert, New: texts("1", "x")}
	m := new(wire).relation(pair).begin(1, 10).commit(10, 20).begin(2, 40).row(row).commit(40, 50).messages
	s := unconnected()
	for i, step := range []struct {
		msg      []byte
		flushed  LSN
		received LSN
	}{
		{keepalive(5, 0), 5, 5},
		{walData(6, m[0]), 5, 6},
		{walData(10, m[1]), 5, 10},
		{keepalive(15, 0), 5, 15},
		{walData(20, m[2]), 20, 20}, // no rows
		{keepalive(30, 0), 30, 30},
		{walData(40, m[3]), 30, 40},
		{keepalive(45, 0), 30, 45},
		{walData(45, m[4]), 30, 45},
	} {
		if tx, err := s.data(step.msg); tx != nil || err != nil {
			t.Fatalf("step %d: part %v, error %v", i, tx, err)
		}
		if got := s.at.flushed(); got != step.flushed || s.Received() != step.received {
			t.Errorf("step %d: flushed %s, received %s; want %s, %s", i, got, s.Received(), step.flushed, step.received)
		}
	}
	tx, err := s.data(walData(50, m[5]))
	if err != nil || tx == nil || tx.End != 50 {
		t.Fatalf("part %v, error %v", tx, err)
	}
	if err := s.deliver(t.Context(), make(chan *Tx, 1), tx); err != nil {
		t.Fatal(err)
	}
	if _, err := s.data(keepalive(60, 0)); err != nil {
		t.Fatal(err)
	}
	if got := s.at.flushed(); got >= 50 {
		t.Errorf("flushed %s with a transaction in flight", got)
	}
	s.Confirm(50)
	if got := s.at.flushed(); got != 60 {
		t.Errorf("flushed %s with nothing in flight", got)
	}
}

// TestKeepaliveThatWantsAnAnswerGetsOne, any other waits for the next update.
func TestKeepaliveThatWantsAnAnswerGetsOne(t *testing.T) {
	for reply := range byte(2) {
		s := unconnected()
		if _, err := s.data(keepalive(1, reply)); err != nil || len(s.pulse.ask) != int(reply) {
			t.Errorf("reply %d: %d answers asked for, error %v", reply, len(s.pulse.ask), err)
		}
	}
}

// TestStreamRefusesNonsense with an error, not a panic.
func TestStreamRefusesNonsense(t *testing.T) {
	for _, msg := range []string{"", "?", "w", "wshort", "w" + string(make([]byte, 24)), "k", "kshort"} {
		if tx, err := unconnected().data([]byte(msg)); err == nil || tx != nil {
			t.Errorf("%q: part %v, error %v", msg, tx, err)
		}
	}
}
