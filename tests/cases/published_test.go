package cases

import (
	"strings"
	"testing"

	"realtime/actors"
	"realtime/postgres/pgtest"
	"realtime/protocol"
)

var serverBroadcastRows = []row{
	as(151, "two tenants", row151),
	as(154, "database away after the join", row154),
	as(156, "batch over HTTP", row156),
	as(157, "single message, JSON", row157),
	differs(161, "event of 256 bytes", "members on version 2 get it as JSON text (quirk Q14)", row161),
}

func row151(t *testing.T, h *house) {
	x, y := h.room(t, `{}`), h.room(t, `{}`)
	x.a.send(`["1","2","realtime:a","broadcast",{"m":1}]`)
	x.b.want(`[null,null,"realtime:a","broadcast",{"m":1}]`)
	y.quiet()
}

func row154(t *testing.T, h *house) {
	proxy, db := pgtest.ProxyTo(t, h.db)
	id := h.tenantOn(t, db, "")
	a, b := h.dial(t, id), h.dial(t, id)
	a.join("realtime:a", `{"broadcast":{"ack":true}}`)
	b.send(joinOf("1", "realtime:a", `{"config":{"postgres_changes":[{"event":"*","schema":"public"}]}}`))
	b.want(`["1","1","realtime:a","phx_reply",{"status":"ok","response":{"postgres_changes":[{"event":"*","schema":"public","id":74307548}]}}]`, subscribed("a"))
	proxy.Refuse(true)
	a.send(`["1","2","realtime:a","broadcast",{"m":1}]`)
	a.want(`["1","2","realtime:a","phx_reply",` + done + `]`)
	for { // that its changes stopped is said as well
		got := b.next()
		if b.n.match(got, `[null,null,"realtime:a","broadcast",{"m":1}]`) == nil {
			break
		}
		if b.n.match(got, `["1",null,"realtime:a","system",{"channel":"a","extension":"postgres_changes","message":"$why","status":"error"}]`) != nil {
			t.Fatalf("got %s", got)
		}
	}
}

// batchOf is a message of a batch.
func batchOf(topic, event, payload string) string {
	return `{"topic":"` + topic + `","event":"` + event + `","payload":` + payload + `}`
}

func row156(t *testing.T, h *house) {
	id := h.tenant(t, "")
	b, v1 := h.dial(t, id), h.dialV1(t, id)
	b.join("realtime:a", `{}`)
	v1.join("realtime:a", `{}`)
	h.post(t, id, batchOf("a", "e", `{"m":1}`)+","+batchOf("b", "e", `{"m":2}`)+","+batchOf("a", "e", `{"m":3}`))
	for _, m := range []string{"1", "3"} {
		b.want(`[null,null,"realtime:a","broadcast",{"event":"e","payload":{"m":` + m + `},"type":"broadcast"}]`)
		v1.want(`{"topic":"realtime:a","event":"broadcast","payload":{"event":"e","payload":{"m":` + m + `},"type":"broadcast"},"ref":null}`)
	}
	b.fenceIn("1", "realtime:a")
	v1.fenceIn("1", "realtime:a")
}

// published has both versions in realtime:a and publishes there.
func (h *house) published(t *testing.T, b protocol.Broadcast) (v2, v1 *socket) {
	t.Helper()
	id := h.tenant(t, "")
	v2, v1 = h.dial(t, id), h.dialV1(t, id)
	v2.join("realtime:a", `{}`)
	v1.join("realtime:a", `{}`)
	h.publish(t, id, actors.Publication{Topic: "a", Broadcast: b})
	return v2, v1
}

func row157(t *testing.T, h *house) {
	v2, v1 := h.published(t, protocol.Broadcast{Form: protocol.FormUserJSON, Event: []byte("e"), Payload: []byte(`{"m":1}`)})
	v2.wantBinary(userFrame("e", 1, `{"m":1}`))
	v1.want(`{"topic":"realtime:a","event":"broadcast","payload":{"event":"e","payload":{"m":1},"type":"broadcast"},"ref":null}`)
}

func row161(t *testing.T, h *house) {
	event := strings.Repeat("e", 256)
	payload := `{"event":"` + event + `","payload":{"m":1},"type":"broadcast"}`
	v2, v1 := h.published(t, protocol.Broadcast{Form: protocol.FormUserJSON, Event: []byte(event), Payload: []byte(`{"m":1}`)})
	v2.want(`[null,null,"realtime:a","broadcast",` + payload + `]`)
	v1.want(`{"topic":"realtime:a","event":"broadcast","payload":` + payload + `,"ref":null}`)
	id := h.tenant(t, "")
	s := h.dial(t, id)
	s.join("realtime:a", `{}`)
	h.post(t, id, batchOf("a", event, `{"m":1}`))
	s.want(`[null,null,"realtime:a","broadcast",` + payload + `]`)
}
