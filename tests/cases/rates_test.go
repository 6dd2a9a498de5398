package cases

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"realtime/actors"
	"realtime/postgres/pgtest"
	"realtime/protocol"
)

// The rows about rates make noise and wait for the meters' next tick, all at a time, each with a tenant of its own. A burst of n in a
// meter's first five seconds counts as n/10 per second, and little less if a tick comes amid it.
var rateRows = []row{
	as(121, "too many joins", row121),
	as(162, "too many events", row162),
	as(163, "join while there are too many events", row163),
	as(164, "what counts as an event", row164),
	as(194, "too many presence messages, track", row194),
	as(195, "too many presence messages, join", row195),
	as(226, "too many changes", row226),
}

// over waits until a meter of the tenant is over its limit.
func (h *house) over(t *testing.T, tenant, kind string) {
	t.Helper()
	needsSweep(t)
	eventually(t, "a meter over its limit", func() bool {
		for line := range strings.Lines(h.logs.String()) {
			if strings.Contains(line, `"tenant":"`+tenant+`"`) && strings.Contains(line, `"kind":"`+kind+`"`) {
				return true
			}
		}
		return false
	})
}

// row121: the noise is another socket's, which may be refused and closed itself before it is through.
func row121(t *testing.T, h *house) {
	id := h.tenant(t, `,"max_joins_per_second":1`)
	s, late, noise := h.dial(t, id), h.dial(t, id), h.dial(t, id)
	s.join("realtime:a", `{}`)
	for i := range 30 {
		noise.send(joinOf("1", fmt.Sprintf("realtime:%d", i), `{"config":{}}`))
	}
	h.over(t, id, "joins")
	late.send(joinOf("9", "realtime:a", `{"config":{}}`))
	late.want(limited("9", "realtime:a", "ClientJoinRateLimitReached: Too many joins per second", "max_joins_per_second"))
	late.wantClose(1001)
	s.fenceIn("1", "realtime:a") // who is there already stays
}

// busy is a room whose tenant has had too many events. Its sender has its broadcasts acknowledged and does not hear itself.
func busy(t *testing.T, h *house) room {
	t.Helper()
	id := h.tenant(t, `,"max_events_per_second":1`)
	h.publish(t, id, slices.Repeat([]actors.Publication{{Topic: "noise", Broadcast: protocol.Broadcast{Payload: []byte(`{}`)}}}, 30)...)
	h.over(t, id, "events")
	r := room{a: h.dial(t, id), b: h.dial(t, id), v1: h.dialV1(t, id)}
	r.a.join("realtime:a", `{"broadcast":{"ack":true}}`)
	r.b.join("realtime:a", `{}`)
	r.v1.join("realtime:a", `{}`)
	return r
}

var tooManyEvents = expelled("Too many messages per second", "max_events_per_second")

func row162(t *testing.T, h *house) {
	r := busy(t, h)
	r.a.send(`["1","2","realtime:a","broadcast",{"last":1}]`)
	r.b.want(`[null,null,"realtime:a","broadcast",{"last":1}]`)
	r.b.want(tooManyEvents...)
	r.v1.want(`{"topic":"realtime:a","event":"broadcast","payload":{"last":1},"ref":null}`,
		`{"topic":"realtime:a","event":"system","payload":{"channel":"a","extension":"system","message":"Too many messages per second","status":"error","limit":"$limit max_events_per_second"},"ref":null}`,
		`{"topic":"realtime:a","event":"phx_close","payload":{},"ref":"1"}`)
	r.a.want(replied)
	r.a.fenceIn("1", "realtime:a") // who only sends is not closed
}

func row163(t *testing.T, h *house) {
	r := busy(t, h)
	for range 2 {
		r.a.send(`["1","2","realtime:a","broadcast",{"last":1}]`)
		r.a.want(replied)
		r.b.want(`[null,null,"realtime:a","broadcast",{"last":1}]`)
		r.b.want(tooManyEvents...)
		r.b.join("realtime:a", `{}`)
		r.b.fenceIn("1", "realtime:a")
	}
}

// row164 wants the burst between two ticks, so it has a server of its own, whose first one is five seconds away, and tries again should
// the machine stand still for so long.
func row164(t *testing.T, h *house) {
	needsSweep(t)
	for range 3 {
		a := h.annex(t, nil)
		id := a.tenantOn(t, away(a), `,"max_events_per_second":3`) // rows of messages would count
		if !burst(a, t, id) {
			continue
		}
		a.over(t, id, "events")
		if got := a.system.EventRate(a.row(t, id)); got != 80 {
			t.Errorf("%v events per second, want 800 over ten seconds", got)
		}
		return
	}
	t.Error("three times a tick came amid 200 messages")
}

// burst sends 200 messages to three members, all of which get them, and reports whether no tick came meanwhile.
func burst(h *house, t *testing.T, id string) bool {
	t.Helper()
	s := []*socket{h.dial(t, id), h.dial(t, id), h.dial(t, id)}
	for _, s := range s {
		s.join("realtime:a", `{"broadcast":{"self":true}}`)
	}
	for range 200 {
		s[0].send(`["1","2","realtime:a","broadcast",{"m":1}]`)
	}
	for _, s := range s {
		for range 200 {
			if s.n.match(s.next(), `[null,null,"realtime:a","broadcast",{"m":1}]`) != nil {
				return false
			}
		}
	}
	return h.system.EventRate(h.row(t, id)) == 0
}

// watchful is a tenant that has had too many presence messages, and a socket of its.
func watchful(t *testing.T, h *house) *socket {
	t.Helper()
	id := h.tenant(t, `,"max_presence_events_per_second":1,"max_client_presence_events_per_window":1000`)
	s, noise := h.dial(t, id), h.dial(t, id)
	noise.join("realtime:noise", `{}`)
	for i := range 30 {
		noise.send(fmt.Sprintf(`["1","2","realtime:noise","presence",{"event":"track","payload":{"n":%d}}]`, i))
	}
	h.over(t, id, "presence_events")
	h.wantLogged(t, id, "PresenceRateLimitReached")
	return s
}

var tooMuchPresence = expelled("Too many presence messages per second", "max_presence_events_per_second")

func row194(t *testing.T, h *house) {
	s := watchful(t, h)
	s.join("realtime:a", `{}`)
	s.presence(`{"event":"track","payload":{"last":1}}`)
	s.want(tooMuchPresence...)
	s.fence()
}

func row195(t *testing.T, h *house) {
	s := watchful(t, h)
	s.join("realtime:a", `{"presence":{"enabled":true}}`)
	s.want(tooMuchPresence...)
	s.fence()
}

func row226(t *testing.T, h *house) {
	id := h.tenant(t, `,"max_events_per_second":1`)
	s := h.dial(t, id)
	s.watch("realtime:a", `{"event":"INSERT","schema":"app","table":"busy"}`)
	pgtest.Exec(t, h.db, `insert into app.busy select n from generate_series(1, 30) n`)
	for n := 1; n <= 30; n++ {
		if got := s.next(); !strings.Contains(got, fmt.Sprintf(`"record":{"id":%d}`, n)) {
			t.Fatalf("got %s, want row %d", got, n)
		}
	}
	h.over(t, id, "db_events")
	dropped := func() float64 { return h.metric(t, "realtime_changes_dropped_total") }
	before := dropped()
	pgtest.Exec(t, h.db, `insert into app.busy values (31)`)
	eventually(t, "the change is dropped", func() bool { return dropped() > before })
	s.fenceIn("1", "realtime:a")
}

// metric is the value of a figure without labels.
func (h *house) metric(t testing.TB, name string) float64 {
	t.Helper()
	families, err := h.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			return f.GetMetric()[0].GetCounter().GetValue()
		}
	}
	t.Fatalf("no metric %s", name)
	return 0
}
