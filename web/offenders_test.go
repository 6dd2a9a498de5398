package web

import (
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"realtime/actors"
	"realtime/tests/frames"
)

// slowRate is how often an offender of these tests is read in a second.
const slowRate = 8000

// TestOffenders: whatever somebody does, others hear each other in order, and the offender is limited or cut as documented.
func TestOffenders(t *testing.T) {
	h := open(t, func(_ *Options, a *actors.Options) { a.Conn.ReadRate = slowRate })
	h.change(t, "abc", `"max_concurrent_users":10000,"max_joins_per_second":1000000,"max_events_per_second":1000000000`)
	for name, test := range map[string]func(*testing.T, *house){
		"line rate":         lineRate,
		"asks, never reads": neverReads,
		"one byte":          oneByte,
		"storm":             storm,
	} {
		t.Run(name, func(t *testing.T) { test(t, h) })
	}
}

// slow gives a client of these tests the time that a loaded machine may take.
func slow(c *raw) *raw {
	_ = c.SetDeadline(time.Now().Add(2 * time.Minute))
	return c
}

// enter opens a socket and joins a topic.
func (h *house) enter(t *testing.T, topic string) *raw {
	t.Helper()
	c := slow(h.socket(t))
	c.frame(t, frames.Text, `["1","1","`+topic+`","phx_join",{"config":`+mute+`}]`)
	c.want(t, `["1","1","`+topic+`","phx_reply",{"status":"ok","response":{"postgres_changes":[]}}]`)
	return c
}

const mute = `{"broadcast":{"self":false},"presence":{"enabled":false}}`

// talk lets one say n things and another one hear them, each answered before the next.
func (h *house) talk(t *testing.T, n int) {
	t.Helper()
	says, hears := h.enter(t, "realtime:calm"), h.enter(t, "realtime:calm")
	for i := range n {
		body := fmt.Sprintf(`{"n":%d}`, i)
		says.frame(t, frames.Text, `["1","2","realtime:calm","broadcast",`+body+`]`)
		hears.want(t, `[null,null,"realtime:calm","broadcast",`+body+`]`)
	}
	_, _ = says.Close(), hears.Close()
}

// lineRate: somebody broadcasts as fast as it can be written. It is read at the rate, nothing of what was read is lost, and it stays.
func lineRate(t *testing.T, h *house) {
	began := time.Now()
	offender, witness := h.enter(t, "realtime:flood"), h.enter(t, "realtime:flood")
	const text = `["1","2","realtime:flood","broadcast",{"n":1}]`
	one := frames.Masked(frames.Text, text)
	var flood sync.WaitGroup
	flood.Go(func() { // ends with the connection
		many := []byte(strings.Repeat(string(one), 1000))
		for {
			if _, err := offender.Write(many); err != nil {
				return
			}
		}
	})
	var heard atomic.Int64
	flood.Go(func() { // ends with the connection
		for {
			if _, _, err := witness.Next(); err != nil {
				return
			}
			heard.Add(1)
		}
	})
	h.talk(t, 200)
	h.until(t, "heard a few thousand", func() bool { return heard.Load() > 3000 })
	perRead := int64(512/len(one) + 1)
	if got, most := heard.Load(), perRead*int64(1000+slowRate*time.Since(began).Seconds()); got > most {
		t.Errorf("%d messages were read, at most %d may be", got, most)
	}
	_, _ = offender.Close(), witness.Close()
	flood.Wait()
}

// neverReads: somebody asks without end and never reads the answers. It is cut with 1013, and what was kept for it goes.
func neverReads(t *testing.T, h *house) {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	offender := slow(h.socket(t))
	var asks sync.WaitGroup
	asks.Go(func() { // ends with the connection
		ask := `["1","` + strings.Repeat("7", 200) + `","realtime:nowhere","shout",{}]` // heartbeats would be held back
		many := []byte(strings.Repeat(string(frames.Masked(frames.Text, ask)), 1000))
		for {
			if _, err := offender.Write(many); err != nil {
				return
			}
		}
	})
	h.talk(t, 200)
	waitLong(t, "cut", func() bool { return strings.Contains(h.logs.String(), `"msg":"slow peer cut","why":"behind"`) })
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 16<<20 {
		t.Errorf("the heap grew by %d bytes", grown)
	}
	if code := lastWord(offender); code != 1013 {
		t.Errorf("cut with %d, want 1013", code)
	}
	_ = offender.Close()
	asks.Wait()
}

// lastWord reads on and returns the code of the close frame, 0 if none comes.
func lastWord(c *raw) int {
	for {
		b0, payload, err := c.Next()
		switch {
		case err != nil:
			return 0
		case b0 == frameClose && len(payload) >= 2:
			return int(payload[0])<<8 | int(payload[1])
		}
	}
}

// oneByte: a handshake and messages that come byte by byte are read like any others.
func oneByte(t *testing.T, h *house) {
	witness := h.enter(t, "realtime:bytes")
	offender := slow(h.dial(t))
	bytewise := func(s string) {
		for i := range len(s) {
			offender.send(t, s[i:i+1])
		}
	}
	bytewise(frames.Head("GET", target("vsn=2.0.0&apikey="+token(t)), host))
	if r, body := offender.response(t); r.StatusCode != 101 {
		t.Fatalf("%d %s", r.StatusCode, body)
	}
	bytewise(string(frames.Masked(frames.Text, `["1","1","realtime:bytes","phx_join",{"config":`+mute+`}]`)))
	offender.want(t, `["1","1","realtime:bytes","phx_reply",{"status":"ok","response":{"postgres_changes":[]}}]`)
	for i := range 20 {
		body := fmt.Sprintf(`{"n":%d}`, i)
		bytewise(string(frames.Masked(frames.Text, `["1","2","realtime:bytes","broadcast",`+body+`]`)))
		witness.want(t, `[null,null,"realtime:bytes","broadcast",`+body+`]`)
	}
	h.talk(t, 50)
	_, _ = offender.Close(), witness.Close()
}

// storm: many connect, join and drop their connections. When it is over nothing of them is left.
func storm(t *testing.T, h *house) {
	waitLong(t, "rid of the sockets before", func() bool { return h.figures.sockets.Load() == 0 })
	goroutines := runtime.NumGoroutine()
	key := token(t)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() { // ends after its visits
			for range 25 {
				nc, err := net.Dial("tcp", h.addr)
				if err != nil {
					t.Errorf("connect: %v", err)
					return
				}
				_, _ = io.WriteString(nc, frames.Head("GET", target("vsn=2.0.0&apikey="+key), host)+
					string(frames.Masked(frames.Text, `["1","1","realtime:calm","phx_join",{"config":`+mute+`}]`)))
				_ = nc.(*net.TCPConn).SetLinger(0)
				_ = nc.Close()
			}
		})
	}
	h.talk(t, 100)
	all.Wait()
	defer func() {
		if t.Failed() {
			t.Logf("%d sockets, %d open, %d connections, %d goroutines of %d", h.figures.sockets.Load(), h.gate.open.Load(), h.o.System.Connections(), runtime.NumGoroutine(), goroutines)
		}
	}()
	waitLong(t, "rid of the storm", func() bool {
		return h.figures.sockets.Load() == 0 && h.gate.open.Load() <= 1 && h.o.System.Connections() == 0 && runtime.NumGoroutine() <= goroutines+5
	})
}

// waitLong waits for what must come true, on a machine under load.
func waitLong(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); !done(); pauseTest(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not %s", what)
		}
	}
}

// TestHalfOpenHandshakes: those that say nothing, or never come to an end, are held to a number; the first ones go without an answer,
// and whoever speaks up gets through.
func TestHalfOpenHandshakes(t *testing.T) {
	const most, all = 8, 40
	h := open(t, func(o *Options, _ *actors.Options) {
		o.MaxArriving, o.Patience, o.HeadTimeout = most, 20*time.Millisecond, time.Hour
	})
	var ended, answered atomic.Int64
	var open sync.WaitGroup
	var conns []net.Conn
	for i := range all {
		c := slow(h.dial(t))
		if i%2 == 1 {
			c.send(t, "GET "+target("vsn=2.0.0")+" HTTP/1.1\r\nHost: abc\r\n")
		}
		conns = append(conns, c)
		open.Go(func() { // ends with the connection
			if n, _ := io.Copy(io.Discard, c.Conn); n > 0 {
				answered.Add(1)
			}
			ended.Add(1)
		})
	}
	waitLong(t, "held to the number", func() bool { return ended.Load() >= all-most })
	socket := h.socket(t)
	socket.alive(t)
	h.mu.Lock()
	if n := len(h.arriving); n > most {
		t.Errorf("%d heads are awaited, want at most %d", n, most)
	}
	h.mu.Unlock()
	if n := ended.Load(); n > all-most+1 { // one had to go for the socket
		t.Errorf("%d of %d ended, want no more than there was no room for", n, all)
	}
	for _, c := range conns {
		_ = c.Close()
	}
	open.Wait()
	if n := answered.Load(); n > 0 {
		t.Errorf("%d were answered", n)
	}
}
