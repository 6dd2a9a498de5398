package cases

import (
	"strings"
	"testing"
	"time"

	"realtime/actors"
	"realtime/protocol"
	"realtime/tests/frames"
)

// Rows 42, 46 and 49 of the transport; the others are in package web.
var transportRows = []row{
	as(42, "who only receives is closed", row042),
	as(46, "socket that never joined stays", row046),
	as(49, "no JSON", dropped("vsn=2.0.0", frames.Text, "MalformedWebSocketMessage", "not json")),
}

// Rows 51 to 60: no reply, the socket stays, one line in the log.
var frameRows = []row{
	as(51, "version 1 on version 2", dropped("vsn=2.0.0", frames.Text, "MalformedWebSocketMessage", `{"topic":"t","event":"e","payload":{},"ref":"1"}`)),
	as(52, "array too short", dropped("vsn=2.0.0", frames.Text, "MalformedWebSocketMessage", `[1,2,3]`, `["1","2","t","e"]`)),
	as(53, "no array", dropped("vsn=2.0.0", frames.Text, "MalformedWebSocketMessage", `"str"`, `null`, `5`)),
	as(54, "unknown kind", dropped("vsn=2.0.0", frames.Binary, "UnknownErrorOnWebSocketMessage",
		"", "\x09\x01\x02", "\x01\x01\x01\x01\x01abcd", "\x02\x01\x01ab", "\x04\x01\x01\x00\x01ab{}")),
	as(55, "lengths past the end", dropped("vsn=2.0.0", frames.Binary, "UnknownErrorOnWebSocketMessage", "\x03\xc8\x01")),
	as(56, "metadata of no JSON", dropped("vsn=2.0.0", frames.Binary, "MalformedWebSocketMessage", "\x03\x01\x01\x0a\x01\x04\x0112realtime:ae{bad{}")),
	as(57, "version 1 without ref", dropped("vsn=1.0.0", frames.Text, "MalformedWebSocketMessage", `{"topic":"phoenix","event":"heartbeat","payload":{}}`)),
	as(58, "array on version 1", dropped("vsn=1.0.0", frames.Text, "UnknownErrorOnWebSocketMessage", `[1,2,3,4,5]`)),
	as(59, "garbage on version 1", row059),
	as(60, "binary frame on version 1", row060),
	as(61, "array too long", row061),
	as(62, "join of an object", dropped("vsn=2.0.0", frames.Text, "UnknownErrorOnWebSocketMessage", `["3","6",{"a":1},"phx_join",{}]`)),
	as(63, "topic that is an object", row063),
}

// dropped expects each frame to be dropped, with one line in the log that has the code.
func dropped(query string, b0 byte, code string, texts ...string) func(*testing.T, *house) {
	return func(t *testing.T, h *house) {
		for _, text := range texts {
			id := h.tenant(t, "")
			s := h.open(t, id, token(t), query)
			s.write(b0, text)
			s.fence()
			if n := lines(h, id, code); n != 1 {
				t.Errorf("%q: %d lines with %s, want 1", text, n, code)
			}
		}
	}
}

// lines counts the log lines about a tenant with a code.
func lines(h *house, tenant, code string) int {
	n := 0
	for line := range strings.Lines(h.logs.String()) {
		if strings.Contains(line, `"tenant":"`+tenant+`"`) && strings.Contains(line, `"code":"`+code+`"`) {
			n++
		}
	}
	return n
}

func row042(t *testing.T, h *house) {
	needsSweep(t)
	a := h.annex(t, func(o *actors.Options) { o.IdleTimeout = 1500 * time.Millisecond })
	id := a.tenant(t, "")
	s := a.dial(t, id)
	s.join("realtime:a", `{}`)
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() { // stopped by stop
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			case <-time.After(300 * time.Millisecond):
				a.publish(t, id, actors.Publication{Topic: "a", Broadcast: protocol.Broadcast{Payload: []byte(`{}`)}})
			}
		}
	}()
	defer func() { close(stop); <-stopped }()
	received := 0
	for {
		b0, payload, err := s.read()
		if err != nil {
			t.Fatal(err)
		}
		if b0 == frames.Close {
			if payload[:2] != "\x03\xe8" {
				t.Errorf("close %x, want code 1000", payload)
			}
			break
		}
		received++
	}
	if received == 0 {
		t.Error("nothing was received meanwhile")
	}
}

func row046(t *testing.T, h *house) {
	needsSweep(t)
	a := h.annex(t, func(o *actors.Options) { o.NoChannelTimeout = 100 * time.Millisecond })
	id := a.tenant(t, "")
	never := a.dial(t, id)
	for range 2 { // ticks
		failed := a.dial(t, id)
		failed.refusedAs("realtime:", `{"config":{}}`, "TopicNameRequired: You must provide a topic name")
		failed.wantClose(1000)
		never.send(`[null,"1","phoenix","heartbeat",{}]`)
		never.want(`[null,"1","phoenix","phx_reply",` + done + `]`)
	}
}

// needsSweep skips a row that takes real seconds.
func needsSweep(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("waits for the sweep that comes every 5 s")
	}
}

func row059(t *testing.T, h *house) {
	dropped("vsn=1.0.0", frames.Binary, "MalformedWebSocketMessage", "\x00\x01\x02")(t, h)
	dropped("vsn=1.0.0", frames.Text, "MalformedWebSocketMessage", "nope")(t, h)
}

func row060(t *testing.T, h *house) {
	s := h.dialV1(t, h.tenant(t, ""))
	s.sendBinary(`{"topic":"realtime:a","event":"phx_join","payload":{"config":{}},"ref":"1","join_ref":"1"}`)
	s.want(`{"topic":"realtime:a","event":"phx_reply","payload":` + joined + `,"ref":"1"}`)
}

func row061(t *testing.T, h *house) {
	s := h.dial(t, h.tenant(t, ""))
	s.send(`[null,"ok","phoenix","heartbeat",{},"extra",1]`)
	s.want(`[null,"ok","phoenix","phx_reply",{"status":"ok","response":{}}]`)
}

func row063(t *testing.T, h *house) {
	s := h.dial(t, h.tenant(t, ""))
	s.send(`["3","6",{"a":1},"x",{}]`)
	s.want(`[null,"6",{"a":1},"phx_reply",{"status":"error","response":{"reason":"unmatched topic"}}]`)
}
