package cases

import "testing"

const unmatched = `{"status":"error","response":{"reason":"unmatched topic"}}`

var routingRows = []row{
	as(64, "heartbeat", row064),
	as(65, "heartbeat on version 1", row065),
	as(66, "heartbeat with odd refs", row066),
	as(67, "other event of phoenix", row067),
	as(68, "join of other topics", row068),
	as(69, "push to a topic not joined", row069),
	as(70, "leave of a topic not joined", row070),
	as(71, "topics of other types", row071),
	as(72, "unknown events", row072),
	as(73, "join_ref of a push", row073),
	as(74, "push after the channel was closed", row074),
}

func row064(t *testing.T, h *house) {
	s := h.dial(t, h.tenant(t, ""))
	s.send(`[null,"1","phoenix","heartbeat",{}]`)
	s.want(`[null,"1","phoenix","phx_reply",{"status":"ok","response":{}}]`)
}

func row065(t *testing.T, h *house) {
	s := h.dialV1(t, h.tenant(t, ""))
	s.send(`{"topic":"phoenix","event":"heartbeat","payload":{},"ref":"h1"}`)
	s.want(`{"topic":"phoenix","event":"phx_reply","payload":{"status":"ok","response":{}},"ref":"h1"}`)
}

func row066(t *testing.T, h *house) {
	s := h.dial(t, h.tenant(t, ""))
	s.send(`[null,null,"phoenix","heartbeat",{}]`, `[null,7,"phoenix","heartbeat",null]`)
	s.want(`[null,null,"phoenix","phx_reply",`+done+`]`, `[null,7,"phoenix","phx_reply",`+done+`]`)
	v1 := h.dialV1(t, h.tenant(t, ""))
	v1.send(`{"topic":"phoenix","event":"heartbeat","payload":{},"ref":null}`)
	v1.want(`{"topic":"phoenix","event":"phx_reply","payload":` + done + `,"ref":null}`)
}

func row067(t *testing.T, h *house) {
	s := h.dial(t, h.tenant(t, ""))
	s.send(`[null,"2","phoenix","other",{}]`)
	s.want(`[null,"2","phoenix","phx_reply",` + unmatched + `]`)
}

func row068(t *testing.T, h *house) {
	s := h.dial(t, h.tenant(t, ""))
	for _, topic := range []string{"phoenix", "room", "Realtime:room"} {
		s.send(`["9","9","` + topic + `","phx_join",{"config":{}}]`)
		s.want(`[null,"9","` + topic + `","phx_reply",` + unmatched + `]`)
	}
}

func row069(t *testing.T, h *house) {
	id := h.tenant(t, "")
	s, v1 := h.dial(t, id), h.dialV1(t, id)
	s.send(`["1","5","realtime:nojoin","broadcast",{}]`)
	s.want(`[null,"5","realtime:nojoin","phx_reply",` + unmatched + `]`)
	v1.send(`{"topic":"realtime:nojoin","event":"broadcast","payload":{},"ref":"5"}`)
	v1.want(`{"topic":"realtime:nojoin","event":"phx_reply","payload":` + unmatched + `,"ref":"5"}`)
}

func row070(t *testing.T, h *house) {
	s := h.dial(t, h.tenant(t, ""))
	s.send(`["3","5","realtime:nojoin","phx_leave",{}]`)
	s.want(`["3","5","realtime:nojoin","phx_reply",{"status":"ok","response":{}}]`)
	s.fence() // no phx_close
}

func row071(t *testing.T, h *house) {
	s := h.dial(t, h.tenant(t, ""))
	for _, event := range []string{"broadcast", "phx_join"} {
		s.send(`["1","2",123,"`+event+`",{}]`, `["1","3",null,"`+event+`",{}]`)
		s.want(`[null,"2",123,"phx_reply",`+unmatched+`]`, `[null,"3",null,"phx_reply",`+unmatched+`]`)
	}
}

func row072(t *testing.T, h *house) {
	s := h.dial(t, h.tenant(t, ""))
	s.join("realtime:a", `{"broadcast":{"self":true,"ack":true}}`)
	for _, event := range []string{`"unknown"`, `"phx_reply"`, `"phx_close"`, `"phx_error"`, `"heartbeat"`, `"system"`, `"postgres_changes"`, `5`} {
		s.send(`["1","2","realtime:a",` + event + `,{}]`)
		s.fenceIn("1", "realtime:a")
	}
	s.send(`["1","3","realtime:a","broadcast",{"still":"here"}]`)
	s.want(`[null,null,"realtime:a","broadcast",{"still":"here"}]`, `["1","3","realtime:a","phx_reply",`+done+`]`)
}

func row073(t *testing.T, h *house) {
	s := h.dial(t, h.tenant(t, ""))
	s.join("realtime:a", `{"broadcast":{"ack":true}}`)
	s.send(`["zzz","2","realtime:a","broadcast",{}]`, `[null,"3","realtime:a","broadcast",{}]`)
	s.want(`["1","2","realtime:a","phx_reply",`+done+`]`, `["1","3","realtime:a","phx_reply",`+done+`]`)
}

// row074 does it often: what is said right behind the close must find the topic closed.
func row074(t *testing.T, h *house) {
	s := h.dial(t, h.tenant(t, ""))
	for range 50 {
		s.join("realtime:a", `{"broadcast":{"ack":true}}`)
		s.send(`["1","2","realtime:a","access_token",{"access_token":"bad"}]`)
		s.want(`["1",null,"realtime:a","system",{"channel":"a","extension":"system","message":"The token provided is not a valid JWT","status":"error"}]`,
			`["1","1","realtime:a","phx_close",{}]`)
		s.send(`["1","3","realtime:a","broadcast",{}]`)
		s.want(`[null,"3","realtime:a","phx_reply",` + unmatched + `]`)
	}
}
