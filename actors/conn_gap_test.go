package actors

import (
	"bytes"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"realtime/protocol"
)

const room2 = "realtime:hall"

// With a flush interval a socket of several channels hears within it in one go, in order, and of one channel as before.
func TestFlushIntervalGathersAcrossChannels(t *testing.T) {
	bubble(t, Options{FlushInterval: flushGap}, func(_ *testing.T, n *node) {
		a, b, one := n.connect(protocol.V2), n.connect(protocol.V2), n.connect(protocol.V2)
		for _, room := range []string{room1, room2} {
			a.join(room, `{}`)
			b.join(room, `{}`)
		}
		one.join(room2, `{}`)
		pause(2 * flushGap)
		hall := func(n string) string { return `[null,null,"realtime:hall","broadcast",{"n":` + n + `}]` }
		inHall := func(n string) { a.send(`["1","9","realtime:hall","broadcast",{"n":` + n + `}]`) }
		a.say(1)
		b.want(said(1)) // alone
		inHall("2")
		b.want()
		one.want(hall("2"))
		pause(flushGap + time.Millisecond)
		b.want(hall("2"))
		b.send(`["1","7","realtime:hall","phx_leave",{}]`)
		pause(2 * flushGap)
		b.want(`["1","7","realtime:hall","phx_reply",{"status":"ok","response":{}}]`, `["1","1","realtime:hall","phx_close",{}]`)
		a.say(3)
		b.want(said(3))
		b.send(`["1","8","phoenix","heartbeat",{}]`)
		b.want(`[null,"8","phoenix","phx_reply",{"status":"ok","response":{}}]`)
	})
}

// What is gathered when a Conn is closed still leaves, and a lot of it does not wait.
func TestConnGathers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		c := NewConn(near, ConnOptions{})
		c.keepGap(time.Hour)
		got := make(chan []byte, 16)
		go func() { // ends with the connection
			defer close(got)
			for b := make([]byte, 1<<20); ; {
				n, err := far.Read(b)
				if n > 0 {
					got <- bytes.Clone(b[:n])
				}
				if err != nil {
					return
				}
			}
		}()
		begun := time.Now()
		c.Send([]byte("first"))
		if b := <-got; string(b) != "first" {
			t.Errorf("%q", b)
		}
		synctest.Wait()
		c.Send([]byte("second"))
		c.Send(make([]byte, batchBytes))
		if b := <-got; string(b) != "second" || time.Since(begun) != 0 {
			t.Errorf("%q after %v", b, time.Since(begun))
		}
		if b := <-got; len(b) != batchBytes {
			t.Errorf("%d bytes", len(b))
		}
		synctest.Wait()
		c.Send([]byte("last"))
		synctest.Wait()
		if len(got) != 0 {
			t.Error("it does not gather")
		}
		_ = c.Close()
		if b := <-got; string(b) != "last" || time.Since(begun) != 0 {
			t.Errorf("%q after %v", b, time.Since(begun))
		}
		if c.Send([]byte("late")) {
			t.Error("a closed connection takes bytes")
		}
		_, _ = io.Copy(io.Discard, far)
		_ = far.Close()
	})
}
