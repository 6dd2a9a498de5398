package cases

import "testing"

var privateRefreshRows = []row{
	as(236, "new token may read nothing", row236),
	as(237, "one of two rights to read is lost", row237),
	as(238, "right to read broadcasts is gained", row238),
	as(239, "right to write is lost", row239),
}

// refreshIn pushes another token in a joined topic.
func (s *socket) refreshIn(topic string) {
	s.t.Helper()
	s.send(`["1","5","` + topic + `","access_token",{"access_token":"` + token(s.t, "sub", s.n["sub"]+"x") + `"}]`)
	s.n["sub"] += "x"
}

// wantLost expects the end of a topic with a message.
func (s *socket) wantLost(topic, message string) {
	s.t.Helper()
	s.want(`["1",null,"realtime:`+topic+`","system",{"channel":"`+topic+`","extension":"system","message":`+quote(s.t, message)+`,"status":"error"}]`,
		`["1","1","realtime:`+topic+`","phx_close",{}]`)
}

func row236(t *testing.T, h *house) {
	h.let(t, "r236", "broadcast", "r")
	s := h.dial(t, h.tenant(t, ""))
	s.join("realtime:r236", `{"private":true}`)
	h.let(t, "r236", "broadcast", "")
	s.refreshIn("realtime:r236")
	s.wantLost("r236", "You do not have permissions to read from this Channel topic: r236")
}

func row237(t *testing.T, h *house) {
	h.let(t, "r237", "broadcast", "r")
	h.let(t, "r237", "presence", "r")
	s := h.dial(t, h.tenant(t, ""))
	s.join("realtime:r237", `{"private":true,"presence":{"enabled":true}}`)
	s.want(`["1",null,"realtime:r237","presence_state",{}]`)
	h.let(t, "r237", "presence", "")
	s.refreshIn("realtime:r237")
	s.wantLost("r237", "You no longer have permission to read from this Channel topic: r237")
}

func row238(t *testing.T, h *house) {
	h.let(t, "r238", "presence", "r")
	h.let(t, "r238", "broadcast", "w")
	id := h.tenant(t, "")
	a, b := h.dial(t, id), h.dial(t, id)
	for _, s := range []*socket{a, b} {
		s.join("realtime:r238", `{"private":true,"presence":{"enabled":true},"broadcast":{"ack":true}}`)
		s.want(`["1",null,"realtime:r238","presence_state",{}]`)
	}
	a.say("r238", "1")
	a.wantAck("r238", "1")
	h.let(t, "r238", "broadcast", "rw")
	b.refreshIn("realtime:r238")
	b.fenceIn("1", "realtime:r238") // behind the answer about the token
	a.say("r238", "2")
	a.wantAck("r238", "2")
	b.wantSaid("r238", "2")
}

func row239(t *testing.T, h *house) {
	h.let(t, "r239", "broadcast", "rw")
	id := h.tenant(t, "")
	a, b := h.dial(t, id), h.dial(t, id)
	for _, s := range []*socket{a, b} {
		s.join("realtime:r239", `{"private":true,"broadcast":{"ack":true}}`)
	}
	a.say("r239", "1")
	a.wantAck("r239", "1")
	b.wantSaid("r239", "1")
	h.let(t, "r239", "broadcast", "r")
	a.refreshIn("realtime:r239")
	a.say("r239", "2")
	a.fenceIn("1", "realtime:r239")
	b.fenceIn("1", "realtime:r239")
}
