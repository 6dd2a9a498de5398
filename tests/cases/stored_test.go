package cases

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"realtime/postgres/pgtest"
	"realtime/tests/frames"
)

var storedRows = []row{
	as(270, "stored broadcast", row270),
	as(271, "stored broadcast, storing denied", row271),
	as(272, "stored broadcast, ack on", row272),
	as(273, "stored broadcast over HTTP, public topic", row273),
	as(274, "stored broadcast over HTTP, with a life of its own", row274),
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
	if err != nil || b0 != frames.Binary || len(got) != len(head)+36+len(tail) || got[:len(head)] != head || got[len(head)+36:] != tail {
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

// post1 sends one message to POST /api/broadcast/:topic/events/:event and gives the answer.
func (h *house) post1(t *testing.T, tenant, path, contentType, body string) (status int, answer string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+h.addr+"/api/broadcast/"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Host = tenant + ".example.com"
	r.Header.Set("Content-Type", contentType)
	r.Header.Set("Authorization", "Bearer "+token(t))
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	resp, err := (&http.Client{Transport: transport, Timeout: patient}).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

func row273(t *testing.T, h *house) {
	status, answer := h.post1(t, h.tenant(t, ""), "r273/events/e?persist=true", "application/json", `{"a":1}`)
	if want := `{"errors":{"persist":["can only be used on private channels"]}}`; status != http.StatusUnprocessableEntity || answer != want {
		t.Errorf("%d %s, want 422 %s", status, answer, want)
	}
}

func row274(t *testing.T, h *house) {
	h.let(t, "r274", "broadcast", "rw")
	h.let(t, "r274", "persistence", "w")
	id := h.tenant(t, "")
	if status, answer := h.post1(t, id, "r274/events/e?private=true&persist[ttl]=60", "application/octet-stream", "\x01"); status != http.StatusAccepted {
		t.Fatalf("%d %s", status, answer)
	}
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
	if b0, frame, _ := s.read(); b0 != frames.Binary || frame[len(frame)-1] != 1 {
		t.Errorf("got %q", frame)
	}
	pgtest.Exec(t, h.db, `update realtime.messages set inserted_at = inserted_at - interval '61 s', updated_at = updated_at - interval '61 s' where topic = 'r274'`)
	late := h.dial(t, id)
	late.join("realtime:r274", `{"private":true,"broadcast":{"replay":{}}}`)
	late.fenceIn("1", "realtime:r274")
}
