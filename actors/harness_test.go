package actors

import (
	"context"
	"encoding/binary"
	"log/slog"
	"net"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"realtime/protocol"
	"realtime/tenancy"
	"realtime/tests/frames"
	"realtime/tests/leaks"
)

// node is a tree under test, in a synctest bubble: time is virtual, and synctest.Wait means that nothing more
// happens by itself.
type node struct {
	t      *testing.T
	s      *System
	tenant *tenancy.Tenant
	log    *leaks.Record
}

func limits() tenancy.Limits {
	return tenancy.Limits{
		ConcurrentUsers: 1000, EventsPerSecond: 1_000_000, ChannelsPerClient: 100, JoinsPerSecond: 1000,
		PresenceEventsPerSecond: 1000, PayloadKB: 3000, PresencePerWindow: 5, PresenceWindow: 30 * time.Second,
	}
}

// bubble runs a test against a node of its own.
func bubble(t *testing.T, o Options, test func(t *testing.T, n *node)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		n := &node{t: t, log: &leaks.Record{}, tenant: &tenancy.Tenant{ExternalID: "acme", Limits: limits()}}
		o.Log = slog.New(slog.NewTextHandler(leaks.Watch(t, n.log), &slog.HandlerOptions{Level: slog.LevelWarn}))
		s, err := New(o)
		if err != nil {
			t.Fatal(err)
		}
		n.s = s
		test(t, n)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		s.Drain(ctx)
		pause(15 * time.Second) // stalled peers are given up, and the library's dead letter throttle ends
	})
}

// peer is a client of the node at the level of frames.
type peer struct {
	t    testing.TB
	r    *Reader
	c    *Conn
	far  net.Conn
	mu   sync.Mutex
	got  []string
	over chan struct{}
}

// connect opens a connection whose client reads everything at once.
func (n *node) connect(v protocol.Version) *peer {
	p := n.stalled(v)
	go p.read() // ends when the connection is closed
	return p
}

// stalled opens a connection whose client does not read.
func (n *node) stalled(v protocol.Version) *peer {
	near, far := net.Pipe()
	c := n.s.Conn(near)
	r := n.s.Connect(c, Hello{
		Tenant: n.tenant, Version: v, LogLevel: slog.LevelError,
		Claims: &tenancy.Claims{Token: "tok", Raw: `{"role":"anon"}`, Role: "anon", Expires: time.Now().Add(24 * time.Hour)},
	})
	return &peer{t: n.t, r: r, c: c, far: far, over: make(chan struct{})}
}

// read takes frames off the wire as an edge and a client together would: the end of the connection ends the Reader.
func (p *peer) read() {
	defer close(p.over)
	defer p.r.Closed()
	defer p.far.Close()
	for {
		first, payload, err := frames.Read(p.far)
		if err != nil {
			return
		}
		s := string(payload)
		switch first {
		case frames.Close:
			s = "CLOSE " + strconv.Itoa(int(binary.BigEndian.Uint16(payload)))
		case frames.Binary:
			s = "BIN " + s
		}
		p.mu.Lock()
		p.got = append(p.got, s)
		p.mu.Unlock()
		if first == frames.Close {
			return
		}
	}
}

// send pushes one text frame.
func (p *peer) send(frame string) { p.r.Message([]byte(frame), false) }

// sendBinary pushes one binary frame.
func (p *peer) sendBinary(frame string) { p.r.Message([]byte(frame), true) }

// take waits until nothing more happens and returns what came since the last take.
func (p *peer) take() []string {
	p.t.Helper()
	synctest.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	got := p.got
	p.got = nil
	return got
}

// want compares what came since the last take.
func (p *peer) want(frames ...string) {
	p.t.Helper()
	if diff := cmp.Diff(frames, p.take()); diff != "" {
		p.t.Errorf("frames (-want +got):\n%s", diff)
	}
}

// join joins topic on a V2 connection with ref 1 and expects success.
func (p *peer) join(topic, config string) {
	p.t.Helper()
	p.send(`["1","1","` + topic + `","phx_join",{"config":` + config + `}]`)
	p.want(`["1","1","` + topic + `","phx_reply",{"status":"ok","response":{"postgres_changes":[]}}]`)
}

// hangUp drops the connection as a client that is gone.
func (p *peer) hangUp() {
	_ = p.far.Close()
	<-p.over
	synctest.Wait()
}

// counted is the value of a counter.
func counted(t *testing.T, c prometheus.Counter) float64 {
	t.Helper()
	var m dto.Metric
	if err := c.Write(&m); err != nil {
		t.Fatal(err)
	}
	return m.GetCounter().GetValue()
}
