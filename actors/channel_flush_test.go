package actors

import (
	"encoding/json"
	"fmt"
	"syscall"
	"testing"
	"time"

	"realtime/protocol"
	"realtime/tenancy"
)

const flushGap = 50 * time.Millisecond

func said(n int) string { return fmt.Sprintf(`[null,null,"realtime:room","broadcast",{"n":%d}]`, n) }

func (p *peer) say(n int) {
	p.send(fmt.Sprintf(`["1","%d","realtime:room","broadcast",{"n":%d}]`, n, n))
}

// With a flush interval a message on its own leaves at once, and what comes soon after it leaves together, in order.
func TestFlushIntervalGathers(t *testing.T) {
	bubble(t, Options{FlushInterval: flushGap}, func(_ *testing.T, n *node) {
		a, b := n.connect(protocol.V2), n.connect(protocol.V1)
		a.join(room1, `{}`)
		b.send(`{"topic":"realtime:room","event":"phx_join","ref":"1","join_ref":"1","payload":{"config":{}}}`)
		b.take()
		pause(flushGap)
		wire := func(n int) string {
			return fmt.Sprintf(`{"topic":"realtime:room","event":"broadcast","payload":{"n":%d},"ref":null}`, n)
		}
		a.say(1)
		b.want(wire(1))
		a.say(2)
		a.say(3)
		b.want()
		pause(flushGap - time.Millisecond)
		b.want()
		pause(2 * time.Millisecond)
		b.want(wire(2), wire(3))
		pause(time.Second)
		a.say(4)
		b.want(wire(4))
	})
}

// Whoever joins or leaves hears what is theirs and nothing else, and an acknowledgement follows its broadcast.
func TestFlushIntervalKeepsTheOrder(t *testing.T) {
	bubble(t, Options{FlushInterval: flushGap}, func(_ *testing.T, n *node) {
		a, b, late := n.connect(protocol.V2), n.connect(protocol.V2), n.connect(protocol.V2)
		a.join(room1, `{"broadcast":{"ack":true,"self":true}}`)
		b.join(room1, `{}`)
		ok := func(ref string) string {
			return `["1","` + ref + `","realtime:room","phx_reply",{"status":"ok","response":{}}]`
		}
		pause(flushGap)
		a.say(1)
		a.want(said(1), ok("1"))
		a.say(2)
		late.join(room1, `{}`) // flushes first
		b.want(said(1), said(2))
		a.want(said(2), ok("2"))
		a.say(3)
		a.want()
		pause(flushGap)
		a.want(said(3), ok("3"))
		late.want(said(3))
		b.want(said(3))
		a.say(4)
		b.send(`["1","9","realtime:room","phx_leave",{}]`)
		b.want(said(4), ok("9"), `["1","1","realtime:room","phx_close",{}]`)
		a.want(said(4), ok("4"))
		a.say(5)
		a.hangUp() // and its last word is not lost
		late.want(said(4), said(5))
	})
}

// A tenant's own interval wins over the server's, and may be none.
func TestFlushIntervalOfATenant(t *testing.T) {
	for own, gathers := range map[string]bool{"50": true, "0": false, "": false} {
		bubble(t, Options{}, func(_ *testing.T, n *node) {
			n.tenant = gathering50(n.tenant, own)
			a, b := n.connect(protocol.V2), n.connect(protocol.V2)
			a.join(room1, `{}`)
			b.join(room1, `{}`)
			pause(flushGap)
			a.say(1)
			b.want(said(1))
			a.say(2)
			if gathers {
				b.want()
				pause(flushGap)
			}
			b.want(said(2))
		})
	}
}

// gathering50 is a tenant whose settings name a flush interval.
func gathering50(t *tenancy.Tenant, ms string) *tenancy.Tenant {
	other := *t
	if ms != "" {
		other.Extensions = []tenancy.Extension{{Type: "postgres_cdc_rls", Settings: map[string]any{"flush_interval_ms": json.Number(ms)}}}
	}
	return &other
}

// BenchmarkFlushInterval is what the setting is for: 1,000 messages a second to 100 members, with the CPU time of the whole process, readers
// included, by delivery.
func BenchmarkFlushInterval(b *testing.B) {
	for _, gap := range []time.Duration{0, 5 * time.Millisecond, 10 * time.Millisecond} {
		b.Run("gap="+gap.String(), func(b *testing.B) {
			const subs = 100
			s, r := crowdOf(b, Options{FlushInterval: gap}, subs)
			spent, next := cpu(b), time.Now()
			for b.Loop() {
				r.Message(frame200, false)
				next = next.Add(time.Millisecond)
				pause(time.Until(next))
			}
			settled(s, r)
			b.ReportMetric(float64((cpu(b)-spent).Nanoseconds())/float64(b.N)/subs, "cpu-ns/delivery")
		})
	}
}

// cpu is the CPU time of this process.
func cpu(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func TestLongFlushOfSeveralMessagesIsFollowedByAGap(t *testing.T) {
	now := time.Now()
	for _, x := range []struct {
		gap, took time.Duration
		messages  int
		want      time.Duration
	}{
		{0, 6 * time.Millisecond, 2, 3 * time.Millisecond},
		{0, 16 * time.Millisecond, 1, 0}, // alone
		{0, 999 * time.Microsecond, 64, 0},
		{0, time.Second, 64, 5 * time.Millisecond},
		{time.Millisecond, 6 * time.Millisecond, 2, 3 * time.Millisecond},
		{flushGap, 16 * time.Millisecond, 2, flushGap},
	} {
		g := gathering{gap: x.gap}
		if g.flushed(now, x.took, x.messages); g.next.Sub(now) != x.want {
			t.Errorf("%+v: %v", x, g.next.Sub(now))
		}
	}
}
