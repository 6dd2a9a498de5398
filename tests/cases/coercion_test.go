package cases

import "testing"

// unauthorized is what a private join of realtime:a is told, for which there is no right to read.
const unauthorized = "Unauthorized: You do not have permissions to read from this Channel topic: a"

var coercionRows = []row{
	as(84, "presence of a wrong type", row084),
	as(85, "presence enabled as text", row085),
	as(86, "presence enabled as other text", row086),
	as(87, "private as text", row087),
	differs(88, "private that is no boolean", "refused with a reason: somebody meant it to be private (quirk Q4)", row088),
	as(89, "private blank", row089),
	differs(90, "private null, broadcast", "a public channel, as if it were absent (quirk Q5)", row090),
	differs(91, "private null, presence", "a public channel, as if it were absent (quirk Q5)", row091),
	as(92, "self and ack as text", row092),
	as(93, "self and ack null", row093),
}

func row084(t *testing.T, h *house) {
	id := h.tenant(t, "")
	s := h.dial(t, id)
	s.join("realtime:a", `{"presence":"x"}`)
	s.fenceIn("1", "realtime:a")
	h.wantLogged(t, id, "InvalidJoinPayload")
}

func row085(t *testing.T, h *house) {
	s := h.dial(t, h.tenant(t, ""))
	s.join("realtime:a", `{"presence":{"enabled":"True"}}`)
	s.want(`["1",null,"realtime:a","presence_state",{}]`)
}

func row086(t *testing.T, h *house) {
	id := h.tenant(t, "")
	s := h.dial(t, id)
	s.join("realtime:a", `{"presence":{"enabled":"yes"}}`)
	s.fenceIn("1", "realtime:a")
	h.wantLogged(t, id, "InvalidJoinPayload")
}

func row087(t *testing.T, h *house) {
	h.let(t, "r87", "broadcast", "r")
	s := h.dial(t, h.tenant(t, ""))
	for _, private := range []string{`true`, `"TRUE"`, `"True"`} {
		s.refused(`{"config":{"private":`+private+`}}`, unauthorized)
	}
	s.join("realtime:r87", `{"private":"TRUE","broadcast":{"self":true}}`)
	s.send(`["1","2","realtime:r87","broadcast",{"m":1}]`) // a public channel would send it back
	s.fenceIn("1", "realtime:r87")
}

func row088(t *testing.T, h *house) {
	id := h.tenant(t, "")
	s := h.dial(t, id)
	for _, private := range []string{`"yes"`, `1`, `" true"`, `0`, `{}`, `[]`} {
		s.refused(`{"config":{"private":`+private+`}}`, "InvalidJoinPayload: config.private must be true or false")
	}
	h.wantLogged(t, id, "InvalidJoinPayload")
}

func row089(t *testing.T, h *house) {
	id := h.tenant(t, "")
	a, b := h.dial(t, id), h.dial(t, id)
	a.join("realtime:a", `{"private":""}`)
	b.join("realtime:a", `{}`)
	b.send(`["1","2","realtime:a","broadcast",{"to":"the public"}]`)
	a.want(`[null,null,"realtime:a","broadcast",{"to":"the public"}]`)
}

func row090(t *testing.T, h *house) {
	id := h.tenant(t, "")
	a, b := h.dial(t, id), h.dial(t, id)
	a.join("realtime:a", `{"private":null,"broadcast":{"ack":true}}`)
	b.join("realtime:a", `{}`)
	a.send(`["1","2","realtime:a","broadcast",{"n":1}]`)
	a.want(`["1","2","realtime:a","phx_reply",` + done + `]`)
	b.want(`[null,null,"realtime:a","broadcast",{"n":1}]`)
}

func row091(t *testing.T, h *house) {
	s := h.dial(t, h.tenant(t, ""))
	s.join("realtime:a", `{"private":null,"presence":{"enabled":true}}`)
	s.want(`["1",null,"realtime:a","presence_state",{}]`)
	s.fenceIn("1", "realtime:a")
}

func row092(t *testing.T, h *house) {
	id := h.tenant(t, "")
	s := h.dial(t, id)
	s.join("realtime:a", `{"broadcast":{"self":"true","ack":"nope"}}`)
	s.send(`["1","2","realtime:a","broadcast",{"n":1}]`)
	s.want(`[null,null,"realtime:a","broadcast",{"n":1}]`)
	s.fenceIn("1", "realtime:a")
	h.wantLogged(t, id, "InvalidJoinPayload")
}

func row093(t *testing.T, h *house) {
	s := h.dial(t, h.tenant(t, ""))
	s.join("realtime:a", `{"broadcast":{"self":null,"ack":null}}`)
	s.send(`["1","2","realtime:a","broadcast",{"n":1}]`)
	s.fenceIn("1", "realtime:a")
}
