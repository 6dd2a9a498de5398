package actors

import (
	"context"
	"fmt"
	"io"
	"net"
	"testing"
	"time"

	"realtime/protocol"
	"realtime/tenancy"
)

// crowd is a node on real sockets with n members of one room besides the publisher.
func crowd(t testing.TB, n int) (*System, *Reader) {
	t.Helper()
	return crowdOf(t, Options{}, n)
}

func crowdOf(t testing.TB, o Options, n int) (*System, *Reader) {
	t.Helper()
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.Drain(context.WithoutCancel(t.Context()))
		pause(2 * deadLetterGap) // the library keeps a goroutine so long
	})
	tenant := &tenancy.Tenant{ExternalID: "acme", Limits: limits()}
	tenant.Limits.EventsPerSecond, tenant.Limits.ConcurrentUsers, tenant.Limits.JoinsPerSecond = 1<<40, n+10, n+1000
	join := func(config string) *Reader {
		c, far := pair(t, ConnOptions{MaxBehind: 64 << 20})
		go io.Copy(io.Discard, far) //nolint:errcheck // ends when the test closes the connection
		r := s.Connect(c, Hello{Tenant: tenant, Version: protocol.V2, Claims: &tenancy.Claims{Token: "tok", Role: "anon", Expires: time.Now().Add(time.Hour)}})
		r.Message([]byte(`["1","1","realtime:room","phx_join",{"config":`+config+`}]`), false)
		for len(*r.open.Load()) == 0 || r.waiting.Load() > 0 {
			pause(100 * time.Microsecond)
		}
		t.Cleanup(r.Closed)
		return r
	}
	for range n {
		join(`{}`)
	}
	return s, join(`{}`)
}

// settled waits until the room's Channel has nothing to do and no connection has anything pending.
func settled(s *System, r *Reader) {
	to := (*r.open.Load())[0].channel
	for to.box.UserMessageCount() > 0 {
		pause(50 * time.Microsecond)
	}
	for _, o := range s.open() {
		for o.conn.pending() {
			pause(50 * time.Microsecond)
		}
	}
}

var frame200 = []byte(`["1","2","realtime:room","broadcast",{"type":"broadcast","event":"shout","payload":{"text":"` + string(make200()) + `"}}]`)

func make200() []byte {
	b := make([]byte, 120)
	for i := range b {
		b[i] = 'x'
	}
	return b
}

func BenchmarkFanout(b *testing.B) {
	for _, n := range []int{1, 100, 1000} {
		b.Run(fmt.Sprintf("subs=%d/bytes=%d", n, len(frame200)), func(b *testing.B) {
			s, r := crowd(b, n)
			b.ReportAllocs()
			for b.Loop() {
				r.Message(frame200, false)
			}
			settled(s, r)
			b.ReportMetric(float64(b.N)*float64(n)/b.Elapsed().Seconds(), "deliveries/s")
		})
	}
}

// A published message costs at most 2 allocations (its frame and the message to the Channel), a delivery none: the
// batch's buffer is shared by all that wait in the mailbox together.
func TestFanoutAllocations(t *testing.T) {
	const subs = 200
	s, r := crowd(t, subs)
	per := testing.AllocsPerRun(2000, func() { r.Message(frame200, false) })
	settled(s, r)
	if per > 2.5 {
		t.Errorf("%.2f allocations per published message to %d members, want at most 2 and a share of the batch", per, subs)
	}
}

var _ net.Conn = (*Conn)(nil)

// pending reports whether anything accepted is not written yet.
func (c *Conn) pending() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.busy
}
