package cases

import (
	"strings"
	"testing"

	"realtime/actors"
	"realtime/postgres/pgtest"
	"realtime/protocol"
)

var isolationRows = []row{
	differs(262, "topic named like the dispatcher of changes", "an ordinary topic: no name is reserved (quirk Q1)", row262),
	differs(263, "client's meta.id", "an id that a client makes up suppresses nothing (quirk Q17)", row263),
	differs(264, "message to a topic of 300 bytes", "members on version 2 get it as JSON text (quirk Q14)", row264),
}

func row262(t *testing.T, h *house) {
	a, b, watcher := h.dial(t, h.changes), h.dial(t, h.changes), h.dial(t, h.changes)
	topic := "realtime:postgres:" + h.changes
	a.join(topic, `{}`)
	b.join(topic, `{}`)
	watcher.watch("realtime:r262", `{"event":"INSERT","schema":"app","table":"rooms"}`)
	pgtest.Exec(t, h.db, `insert into app.rooms values (1)`)
	watcher.want(changeOf("realtime:r262", "INSERT", "rooms", `[{"name":"id","type":"int4"}]`, `"record":{"id":1}`))
	a.send(`["1","2","` + topic + `","broadcast",{"m":1}]`)
	b.want(`[null,null,"` + topic + `","broadcast",{"m":1}]`)
	a.fenceIn("1", topic)
}

func row263(t *testing.T, h *house) {
	r := h.room(t, `{}`)
	for range 2 {
		r.a.send(`["1","2","realtime:a","broadcast",{"event":"e","payload":{},"meta":{"id":"` + messageID + `","replayed":true}}]`)
		r.b.want(`[null,null,"realtime:a","broadcast",{"event":"e","payload":{},"meta":{"id":"` + messageID + `","replayed":true}}]`)
	}
}

func row264(t *testing.T, h *house) {
	id := h.tenant(t, "")
	sub := strings.Repeat("x", 300)
	v2, v1 := h.dial(t, id), h.dialV1(t, id)
	v2.join("realtime:"+sub, `{}`)
	v1.join("realtime:"+sub, `{}`)
	h.publish(t, id,
		actors.Publication{Topic: sub, Broadcast: protocol.Broadcast{Form: protocol.FormUserJSON, Event: []byte("e"), Payload: []byte(`{"m":1}`)}},
		actors.Publication{Topic: sub, Broadcast: protocol.Broadcast{Form: protocol.FormUserBinary, Event: []byte("e"), Payload: []byte{1}}})
	const payload = `{"event":"e","payload":{"m":1},"type":"broadcast"}`
	v2.want(`[null,null,"realtime:` + sub + `","broadcast",` + payload + `]`)
	v1.want(`{"topic":"realtime:` + sub + `","event":"broadcast","payload":` + payload + `,"ref":null}`)
	v2.fenceIn("1", "realtime:"+sub) // bytes have no form in JSON
}
