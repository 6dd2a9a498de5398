package cases

import (
	"encoding/json"
	"testing"
	"time"

	"realtime/actors"
	"realtime/postgres/pgtest"
	"realtime/protocol"
)

var storedRows = []row{
	as(270, "stored broadcast", row270),
	as(271, "stored broadcast, storing denied", row271),
	as(272, "stored broadcast, ack on", row272),
	part(273, "stored broadcast over HTTP, public topic", "POST /api/broadcast/:topic/events/:event; what it hands over is not stored", row273),
	part(274, "stored broadcast over HTTP, with a life of its own", "POST /api/broadcast/:topic/events/:event; what it hands over is stored", row274),
}

// store sends a broadcast with metadata as ref 2, and gives the response to it.
func (s *socket) store(topic, meta, payload string) {
	s.t.Helper()
	topic = "realtime:" + topic
	s.sendBinary("\x03\x01\x01" + string(rune(len(topic))) + "\x02" + string(rune(len(meta))) + "\x0112" + topic + "ev" + meta + payload)
}

// wantStored expects a broadcast with an id of its own, which it returns.
func (s *socket) wantStored(topic, payload string) string {
	s.t.Helper()
	b0, got, err := s.read()
	head := "\x04\x0d\x02\x2d\x01realtime:" + topic + `ev{"id":"`
	tail := `"}` + payload
	if err != nil || b0 != binaryFrame || len(got) != len(head)+36+len(tail) || got[:len(head)] != head || got[len(head)+36:] != tail {
		s.t.Fatalf("got frame %#x %q, %v", b0, got, err)
	}
	return got[len(head) : len(head)+36]
}

// keeps counts the rows of a topic by id, all with skip_broadcast.
func (h *house) keeps(t *testing.T, topic, id string) (n int) {
	t.Helper()
	err := pgtest.Conn(t, h.db).QueryRow(t.Context(), `select count(*) from realtime.messages where topic = $1 and id::text = $2 and skip_broadcast and private`, topic, id).Scan(&n)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func row270(t *testing.T, h *house) {
	h.let(t, "r270", "broadcast", "rw")
	h.let(t, "r270", "persistence", "w")
	id := h.tenant(t, "")
	a, b := h.dial(t, id), h.dial(t, id)
	a.join("realtime:r270", `{"private":true}`)
	b.join("realtime:r270", `{"private":true,"broadcast":{"replication_ready":true}}`)
	b.want(streams("r270"))
	a.store("r270", `{"persist":true}`, `{"a":1}`)
	message := b.wantStored("r270", `{"a":1}`)
	eventually(t, "the row", func() bool { return h.keeps(t, "r270", message) == 1 })
	pgtest.Exec(t, h.db, `select realtime.send('{"id":1}', 'last', 'r270')`)
	if _, frame, _ := b.read(); frame[len("\x04\x0d\x04\x2d\x01realtime:r270"):][:4] != "last" {
		t.Errorf("got %q", frame)
	}
}

func row271(t *testing.T, h *house) {
	h.let(t, "r271", "broadcast", "rw")
	id := h.tenant(t, "")
	a, b := h.dial(t, id), h.dial(t, id)
	a.join("realtime:r271", `{"private":true,"broadcast":{"ack":true}}`)
	b.join("realtime:r271", `{"private":true}`)
	a.store("r271", `{"persist":true}`, `{"a":1}`)
	a.want(`["1","2","realtime:r271","phx_reply",{"status":"error","response":{"error":"$why","reason":"$why"}}]`)
	if want := "Unauthorized: You do not have permissions to store messages of this Channel topic: r271"; a.n["why"] != want {
		t.Errorf("the sender is told %q", a.n["why"])
	}
	if message := b.wantStored("r271", `{"a":1}`); h.keeps(t, "r271", message) != 0 {
		t.Error("the message is stored")
	}
}

func row272(t *testing.T, h *house) {
	h.let(t, "r272", "broadcast", "rw")
	h.let(t, "r272", "persistence", "w")
	a := h.dial(t, h.tenant(t, ""))
	a.join("realtime:r272", `{"private":true,"broadcast":{"ack":true}}`)
	a.store("r272", `{"persist":{"ttl":60}}`, `{"a":1}`)
	a.want(`["1","2","realtime:r272","phx_reply",{"status":"ok","response":{"id":"$uuid"}}]`)
	if message := a.n["uuid"]; h.keeps(t, "r272", message) != 1 {
		t.Errorf("there is no row %s", message)
	}
}

// publishStored hands a message to the server as its HTTP door does.
func (h *house) publishStored(t *testing.T, tenant string, p actors.Publication, persist *protocol.Persist) {
	t.Helper()
	row := h.row(t, tenant)
	claims, err := row.Verify(token(t), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	g, err := h.system.Authorize(t.Context(), row, actors.Caller{Claims: claims}, p.Topic)
	if err == nil {
		err = h.system.PublishStored(t.Context(), row, p, persist, g)
	}
	if err != nil {
		t.Error(err)
	}
}

func row273(t *testing.T, h *house) {
	h.let(t, "r273", "persistence", "w")
	id := h.tenant(t, "")
	h.publishStored(t, id, actors.Publication{Topic: "r273", Broadcast: protocol.Broadcast{Form: protocol.FormUserJSON, Event: []byte("e"), Payload: json.RawMessage("1")}}, &protocol.Persist{})
	h.wantLogged(t, id, "UnableToPersistMessage")
}

func row274(t *testing.T, h *house) {
	h.let(t, "r274", "broadcast", "rw")
	h.let(t, "r274", "persistence", "w")
	id := h.tenant(t, "")
	p := actors.Publication{Topic: "r274", Private: true, Broadcast: protocol.Broadcast{Form: protocol.FormUserBinary, Event: []byte("e"), Payload: []byte{1}}}
	h.publishStored(t, id, p, protocol.PersistQuery("", "60"))
	count := func(condition string) (n int) {
		err := pgtest.Conn(t, h.db).QueryRow(t.Context(), `select count(*) from realtime.messages where topic = 'r274' and `+condition).Scan(&n)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	eventually(t, "the row", func() bool { return count(`binary_payload = '\x01'`) == 1 })
	s := h.dial(t, id)
	s.join("realtime:r274", `{"private":true,"broadcast":{"replay":{}}}`)
	if b0, frame, _ := s.read(); b0 != binaryFrame || frame[len(frame)-1] != 1 {
		t.Errorf("got %q", frame)
	}
	pgtest.Exec(t, h.db, `update realtime.messages set inserted_at = inserted_at - interval '61 s', updated_at = updated_at - interval '61 s' where topic = 'r274'`)
	late := h.dial(t, id)
	late.join("realtime:r274", `{"private":true,"broadcast":{"replay":{}}}`)
	late.fenceIn("1", "realtime:r274")
}
