package cases

import (
	"strings"
	"testing"
)

var joinRows = []row{
	as(75, "plain join", row075),
	as(76, "config null", row076),
	as(77, "no config", row077),
	as(78, "topic without a name", row078),
	differs(79, "payload of a wrong type", "one clear reason in place of an exception's text (quirk Q6)", row079),
	differs(80, "config of a wrong type", "one clear reason in place of an exception's text (quirk Q6)", row080),
	differs(81, "config that is a list", "one clear reason in place of an exception's text (quirk Q6)", row081),
	differs(82, "broadcast of a wrong type", "one clear reason in place of an exception's text (quirk Q6)", row082),
	as(83, "sections null", row083),
	as(94, "unknown keys", row094),
	as(95, "long topic", row095),
	as(96, "join without join_ref", row096),
	as(97, "join on version 1", row097),
}

func row075(t *testing.T, h *house) {
	s := h.dial(t, h.tenant(t, ""))
	s.join("realtime:a", `{}`)
	s.fenceIn("1", "realtime:a")
}

func row076(t *testing.T, h *house) {
	s := h.dial(t, h.tenant(t, ""))
	s.send(joinOf("1", "realtime:a", `{"config":null}`))
	s.want(`["1","1","realtime:a","phx_reply",` + joined + `]`)
	s.fenceIn("1", "realtime:a")
}

// row077: nobody has published anything of a schema called nowhere, and it is told.
func row077(t *testing.T, h *house) {
	s := h.dial(t, h.tenant(t, ""))
	s.send(joinOf("1", "realtime:nowhere", `{}`))
	s.want(`["1","1","realtime:nowhere","phx_reply",{"status":"ok","response":{"postgres_changes":[{"schema":"nowhere","id":"$id"}]}}]`,
		`["1",null,"realtime:nowhere","system",{"channel":"nowhere","extension":"postgres_changes","message":"$why","status":"error"}]`)
	if why := s.n["why"]; !strings.HasPrefix(why, "Unable to subscribe to changes with given parameters. Please check Realtime is enabled") {
		t.Errorf("the system message says %q", why)
	}
	s.fenceIn("1", "realtime:nowhere") // it is joined all the same
}

func row078(t *testing.T, h *house) {
	s := h.dial(t, h.tenant(t, ""))
	s.refusedAs("realtime:", `{"config":{}}`, "TopicNameRequired: You must provide a topic name")
}

func row079(t *testing.T, h *house) {
	s := h.dial(t, h.tenant(t, ""))
	for _, payload := range []string{`null`, `"foo"`, `[1]`, `5`} {
		s.refused(payload, "UnknownErrorOnChannel: the payload of a join must be an object")
	}
}

func row080(t *testing.T, h *house) {
	s := h.dial(t, h.tenant(t, ""))
	for _, config := range []string{`"x"`, `1`, `true`} {
		s.refused(`{"config":`+config+`}`, "UnknownErrorOnChannel: config must be an object")
	}
}

func row081(t *testing.T, h *house) {
	h.dial(t, h.tenant(t, "")).refused(`{"config":[]}`, "UnknownErrorOnChannel: config must be an object")
}

func row082(t *testing.T, h *house) {
	s := h.dial(t, h.tenant(t, ""))
	for _, broadcast := range []string{`"x"`, `5`, `true`} {
		s.refused(`{"config":{"broadcast":`+broadcast+`}}`, "UnknownErrorOnChannel: config.broadcast must be an object")
	}
}

func row083(t *testing.T, h *house) {
	h.dial(t, h.tenant(t, "")).join("realtime:a", `{"broadcast":null,"presence":null,"postgres_changes":null}`)
}

func row094(t *testing.T, h *house) {
	s := h.dial(t, h.tenant(t, ""))
	s.send(joinOf("1", "realtime:a", `{"version":"realtime-js/2.0.0","config":{"colour":1,"broadcast":{"echo":true},"presence":{"mode":{}}},"x":[null]}`))
	s.want(`["1","1","realtime:a","phx_reply",` + joined + `]`)
	s.fenceIn("1", "realtime:a")
}

func row095(t *testing.T, h *house) {
	topic := "realtime:" + strings.Repeat("x", 300)
	id := h.tenant(t, "")
	a, b, v1 := h.dial(t, id), h.dial(t, id), h.dialV1(t, id)
	for _, s := range []*socket{a, b, v1} {
		s.join(topic, `{}`)
	}
	a.send(`["1","2","` + topic + `","broadcast",{"event":"e"}]`)
	b.want(`[null,null,"` + topic + `","broadcast",{"event":"e"}]`)
	v1.want(`{"topic":"` + topic + `","event":"broadcast","payload":{"event":"e"},"ref":null}`)
}

func row096(t *testing.T, h *house) {
	s := h.dial(t, h.tenant(t, ""))
	s.send(`[null,"7","realtime:n","phx_join",{"config":{"presence":{"enabled":true}}}]`)
	s.want(`[null,"7","realtime:n","phx_reply",`+joined+`]`, `["7",null,"realtime:n","presence_state",{}]`)
	s.send(`[null,"8","realtime:n","access_token",{"access_token":"bad"}]`)
	s.want(`["7",null,"realtime:n","system",{"channel":"n","extension":"system","message":"The token provided is not a valid JWT","status":"error"}]`,
		`[null,null,"realtime:n","phx_close",{}]`)
}

func row097(t *testing.T, h *house) {
	s := h.dialV1(t, h.tenant(t, ""))
	s.send(`{"topic":"realtime:a","event":"phx_join","payload":{"config":{}},"ref":"4","join_ref":"4"}`)
	s.want(`{"topic":"realtime:a","event":"phx_reply","payload":` + joined + `,"ref":"4"}`)
}
