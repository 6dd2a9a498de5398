package bench

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"realtime/protocol"
)

// offence is one way to behave badly.
type offence struct {
	many int                                      // how many do it, by default
	act  func(m *mob, ctx context.Context, i int) // offender i, until ctx ends
	wait time.Duration                            // before it is measured: a crowd that comes back is let in at once, a storm is what goes on
}

func offences() map[string]offence {
	return map[string]offence{
		"line-rate":   {many: 1, act: (*mob).lineRate},
		"never-reads": {many: 20, act: (*mob).neverRead},
		"one-byte":    {many: 1, act: (*mob).oneByte},
		"half-open":   {many: 10_000, act: (*mob).halfOpen},
		"storm":       {many: 16, act: (*mob).storm, wait: 4 * time.Second},
	}
}

// member opens an offender's connection and asks for a topic; what it sends next waits for the answer at the server.
func (m *mob) member(ctx context.Context, topic string, deaf bool) (nc net.Conn, err error) {
	nc, _, err = m.t.open(ctx, opening{version: protocol.V2, deaf: deaf})
	if err == nil {
		_, err = nc.Write(appendPush(nil, protocol.V2, 1, 1, topic, protocol.EventJoin, quiet))
	}
	if err != nil {
		m.refused(ctx, err)
		return nil, err
	}
	m.connected()
	return nc, nil
}

func (m *mob) refused(ctx context.Context, err error) {
	if ctx.Err() == nil {
		m.answered(err.Error())
	}
}

// own is a topic that nobody else hears.
func (m *mob) own(i int) string { return topicOf(m.o.Channels + i) }

// speaker is a member of a topic of its own, with one broadcast to that; nil if it did not get in. What it is told is noted.
func (m *mob) speaker(ctx context.Context, i int) (nc net.Conn, one []byte) {
	topic := m.own(i)
	nc, err := m.member(ctx, topic, false)
	if err != nil {
		return nil, nil
	}
	m.acting.Go(func() { m.listen(ctx, nc) }) // ends with the connection
	return nc, broadcastFrame(m.t, protocol.V2, 1, topic, m.o.Payload, 0)
}

// lineRate broadcasts as fast as it can be written.
func (m *mob) lineRate(ctx context.Context, i int) {
	nc, one := m.speaker(ctx, i)
	if nc == nil {
		return
	}
	defer context.AfterFunc(ctx, func() { nc.Close() })()
	many := bytes.Repeat(one, max(1, maxWrite/len(one)))
	for whole := 0; ; {
		n, err := nc.Write(many)
		whole += n
		m.sent.Add(int64(whole / len(one)))
		if whole %= len(one); err != nil {
			return
		}
	}
}

// oneByte broadcasts in segments of one byte.
func (m *mob) oneByte(ctx context.Context, i int) {
	nc, one := m.speaker(ctx, i)
	if nc == nil {
		return
	}
	defer context.AfterFunc(ctx, func() { nc.Close() })()
	for ; ; m.sent.Add(1) {
		for i := range one {
			if _, err := nc.Write(one[i : i+1]); err != nil { // Nagle's algorithm is off
				return
			}
		}
	}
}

// neverRead joins and never reads. Half of them listen where everybody does, the others ask for answers without end.
func (m *mob) neverRead(ctx context.Context, i int) {
	topic := topicOf(i % m.o.Channels)
	nc, err := m.member(ctx, topic, true)
	if err != nil {
		return
	}
	defer nc.Close()
	if i%2 == 0 {
		<-ctx.Done()
	} else {
		m.ask(ctx, nc)
	}
	m.listen(context.WithoutCancel(ctx), nc) // what would it have been told?
}

// ask sends heartbeats until nobody takes them any more.
func (m *mob) ask(ctx context.Context, nc net.Conn) {
	defer context.AfterFunc(ctx, func() { _ = nc.SetWriteDeadline(time.Now()) })() // on a closed connection writes end anyway
	beats := bytes.Repeat(appendPush(nil, protocol.V2, 0, 1, protocol.TopicPhoenix, protocol.EventHeartbeat, protocol.EmptyObject), 100)
	for {
		if _, err := nc.Write(beats); err != nil {
			<-ctx.Done()
			return
		}
		m.sent.Add(100)
	}
}

// listenLimit is how long an offender waits for what it is told.
const listenLimit = 5 * time.Second

// listen reads up to the end and notes how it came, unless it was the offender's own.
func (m *mob) listen(ctx context.Context, nc net.Conn) {
	if ctx.Done() == nil {
		_ = nc.SetReadDeadline(time.Now().Add(listenLimit)) // on a closed connection reads end anyway
	}
	code, err := closeCode(bufio.NewReader(nc))
	switch {
	case ctx.Err() != nil, errors.Is(err, os.ErrDeadlineExceeded):
	case err != nil:
		m.over("ended without a close code")
	default:
		m.over(fmt.Sprintf("closed with %d", code))
	}
}

// crowding is how long it takes until all half-open connections are there: what is measured is what they do, not a burst of the
// generator's own.
const crowding = 5 * time.Second

// halfOpen connects and begins a request that never ends, or says nothing at all.
func (m *mob) halfOpen(ctx context.Context, i int) {
	select {
	case <-time.After(crowding * time.Duration(i) / time.Duration(m.o.Offenders)):
	case <-ctx.Done():
		return
	}
	address, path, err := m.t.endpoint("/socket/websocket")
	if err != nil {
		return
	}
	nc, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		m.refused(ctx, err)
		return
	}
	defer context.AfterFunc(ctx, func() { nc.Close() })()
	m.connected()
	if i%2 == 1 {
		_, _ = io.WriteString(nc, "GET "+path+" HTTP/1.1\r\nHost: "+m.t.host(address)+"\r\n") // the end shows in what is read
	}
	n, err := io.Copy(io.Discard, nc)
	switch {
	case ctx.Err() != nil:
	case n > 0:
		m.over("ended with an answer")
	default:
		_ = err // a reset is as good as an end
		m.over("ended without an answer")
	}
}

// storm connects, joins and drops the connection, again and again.
func (m *mob) storm(ctx context.Context, i int) {
	for ctx.Err() == nil {
		nc, err := m.member(ctx, m.own(i), false)
		if err != nil {
			continue
		}
		if tcp, ok := nc.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0) // else it ends politely
		}
		nc.Close()
	}
}
