package actors

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"realtime/protocol"
)

var phxRef = regexp.MustCompile(`[A-Za-z0-9_-]{16}`)

// refs names the phx_refs in frames by their first appearance: R1, R2 and so on.
func refs(names map[string]string, frames []string) []string {
	out := make([]string, len(frames))
	for i, f := range frames {
		out[i] = phxRef.ReplaceAllStringFunc(f, func(r string) string {
			if !strings.Contains(f, `"`+r+`"`) || strings.HasPrefix(r, "postgres") || strings.HasPrefix(r, "presence") {
				return r
			}
			if _, ok := names[r]; !ok {
				names[r] = "R" + string(rune('1'+len(names)))
			}
			return names[r]
		})
	}
	return out
}

func (p *peer) wantPresence(names map[string]string, frames ...string) {
	p.t.Helper()
	got := refs(names, p.take())
	if strings.Join(got, "\n") != strings.Join(frames, "\n") {
		p.t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(frames, "\n"))
	}
}

func TestPresenceTrackUpdateUntrack(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, n *node) {
		names := map[string]string{}
		a, b := n.connect(protocol.V2), n.connect(protocol.V1)
		a.send(`["1","1","realtime:room","phx_join",{"config":{"presence":{"enabled":true,"key":"k1"}}}]`)
		a.wantPresence(names, `["1","1","realtime:room","phx_reply",{"status":"ok","response":{"postgres_changes":[]}}]`,
			`["1",null,"realtime:room","presence_state",{}]`)
		b.send(`{"topic":"realtime:room","event":"phx_join","payload":{"config":{}},"ref":"1","join_ref":"1"}`)
		b.take()
		a.send(`["1","2","realtime:room","presence",{"type":"presence","event":"track","payload":{"u":1}}]`)
		a.wantPresence(names, `[null,null,"realtime:room","presence_diff",{"joins":{"k1":{"metas":[{"phx_ref":"R1","u":1}]}},"leaves":{}}]`,
			`["1","2","realtime:room","phx_reply",{"status":"ok","response":{}}]`)
		b.wantPresence(names, `{"topic":"realtime:room","event":"presence_diff","payload":{"joins":{"k1":{"metas":[{"phx_ref":"R1","u":1}]}},"leaves":{}},"ref":null}`)
		a.send(`["1","3","realtime:room","presence",{"type":"presence","event":"TRACK","payload":{"u":2,"phx_ref":"mine"}}]`)
		a.wantPresence(names, `[null,null,"realtime:room","presence_diff",{"joins":{"k1":{"metas":[{"phx_ref":"R2","phx_ref_prev":"R1","u":2}]}},"leaves":{"k1":{"metas":[{"phx_ref":"R1","u":1}]}}}]`,
			`["1","3","realtime:room","phx_reply",{"status":"ok","response":{}}]`)
		c := n.connect(protocol.V2)
		c.send(`["5","5","realtime:room","phx_join",{"config":{"presence":{"enabled":true}}}]`)
		if got := refs(names, c.take()); len(got) != 2 || got[1] != `["5",null,"realtime:room","presence_state",{"k1":{"metas":[{"phx_ref":"R2","phx_ref_prev":"R1","u":2}]}}]` {
			t.Errorf("state is %q", got)
		}
		a.send(`["1","4","realtime:room","presence",{"type":"presence","event":"untrack"}]`)
		a.wantPresence(names, `[null,null,"realtime:room","presence_diff",{"joins":{},"leaves":{"k1":{"metas":[{"phx_ref":"R2","phx_ref_prev":"R1","u":2}]}}}]`,
			`["1","4","realtime:room","phx_reply",{"status":"ok","response":{}}]`)
	})
}

func TestPresenceEndsWithTheSocket(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, n *node) {
		names := map[string]string{}
		a, b := n.connect(protocol.V2), n.connect(protocol.V2)
		a.join(room1, `{"presence":{"enabled":false,"key":"a"}}`)
		b.join(room1, `{}`)
		a.send(`["1","2","realtime:room","presence",{"event":"track"}]`)
		b.wantPresence(names, `[null,null,"realtime:room","presence_diff",{"joins":{"a":{"metas":[{"phx_ref":"R1"}]}},"leaves":{}}]`)
		a.hangUp()
		b.wantPresence(names, `[null,null,"realtime:room","presence_diff",{"joins":{},"leaves":{"a":{"metas":[{"phx_ref":"R1"}]}}}]`)
	})
}

func TestPresenceRepliesToWhatIsNoTrack(t *testing.T) {
	const push = `["1","2","realtime:room","presence",`
	for _, c := range []struct{ payload, want string }{
		{`{"event":"track","payload":"s"}`, `{"status":"error","response":{"reason":"Presence track payload must be a map"}}`},
		{`{"event":"dance"}`, `{"status":"error","response":{}}`},
		{`{"event":7}`, `{"status":"error","response":{}}`},
		{`{"event":"untrack"}`, `{"status":"ok","response":{}}`},
		{`{}`, `{"status":"ok","response":{}}`},
		{`"s"`, `{"status":"ok","response":{}}`},
	} {
		bubble(t, Options{}, func(t *testing.T, n *node) {
			a := n.connect(protocol.V2)
			a.join(room1, `{}`)
			a.send(push + c.payload + `]`)
			a.want(`["1","2","realtime:room","phx_reply",` + c.want + `]`)
		})
	}
}

func TestPresenceOverTheWindowClosesTheChannel(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, n *node) {
		a := n.connect(protocol.V2)
		a.join(room1, `{}`)
		for range 5 {
			a.send(`["1","2","realtime:room","presence",{"event":"untrack"}]`)
		}
		if got := len(a.take()); got != 5 {
			t.Errorf("%d replies, want 5", got)
		}
		a.send(`["1","2","realtime:room","presence",{"event":"untrack"}]`)
		a.want(`["1",null,"realtime:room","system",{"channel":"room","extension":"system","message":"Client presence rate limit exceeded","status":"error","limit":{"name":"max_client_presence_events_per_window","limit":5,"value":6,"window_ms":30000,"reset_ms":30000}}]`,
			`["1","1","realtime:room","phx_close",{}]`)
		a.join(room1, `{}`)
		pause(time.Second)
	})
}
