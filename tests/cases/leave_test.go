package cases

import "testing"

var leaveRows = []row{
	as(247, "leave", row247),
	differs(248, "leave with another join_ref", "with none it ends the channel that is open, as newer Phoenix does (quirk Q26)", row248),
	as(249, "leave of a join without join_ref", row249),
	as(250, "leave on version 1", row250),
	differs(251, "second join", "the client may not hear of the leave of its own old presence: its new state lacks it already", row251),
	as(252, "second join that fails", row252),
	differs(253, "second join without join_ref", "phx_close names the old join's ref (quirk Q25)", row253),
}

func row247(t *testing.T, h *house) {
	s := h.dial(t, h.tenant(t, ""))
	s.join("realtime:a", `{}`)
	s.send(`["1","11","realtime:a","phx_leave",{}]`)
	s.want(`["1","11","realtime:a","phx_reply",{"status":"ok","response":{}}]`, `["1","1","realtime:a","phx_close",{}]`)
	s.send(`["1","12","realtime:a","broadcast",{}]`)
	s.want(`[null,"12","realtime:a","phx_reply",` + unmatched + `]`)
}

func row248(t *testing.T, h *house) {
	s := h.dial(t, h.tenant(t, ""))
	s.send(joinOf("2", "realtime:a", `{"config":{}}`))
	s.want(`["2","2","realtime:a","phx_reply",` + joined + `]`)
	s.send(`["1","3","realtime:a","phx_leave",{}]`)
	s.fenceIn("2", "realtime:a")
	s.send(`[null,"4","realtime:a","phx_leave",{}]`)
	s.want(`["2","4","realtime:a","phx_reply",`+done+`]`, `["2","2","realtime:a","phx_close",{}]`)
}

func row249(t *testing.T, h *house) {
	s := h.dial(t, h.tenant(t, ""))
	for _, joinRef := range []string{`"x"`, `null`} {
		s.send(`[null,"7","realtime:a","phx_join",{"config":{}}]`)
		s.want(`[null,"7","realtime:a","phx_reply",` + joined + `]`)
		s.send(`[` + joinRef + `,"8","realtime:a","phx_leave",{}]`)
		s.want(`["7","8","realtime:a","phx_reply",`+done+`]`, `[null,null,"realtime:a","phx_close",{}]`)
	}
}

func row250(t *testing.T, h *house) {
	s := h.dialV1(t, h.tenant(t, ""))
	s.send(`{"topic":"realtime:a","event":"phx_join","payload":{"config":{}},"ref":"4","join_ref":"4"}`)
	s.want(`{"topic":"realtime:a","event":"phx_reply","payload":` + joined + `,"ref":"4"}`)
	s.send(`{"topic":"realtime:a","event":"phx_leave","payload":{},"ref":"11","join_ref":"4"}`)
	s.want(`{"topic":"realtime:a","event":"phx_reply","payload":`+done+`,"ref":"11"}`, `{"topic":"realtime:a","event":"phx_close","payload":{},"ref":"4"}`)
}

// row251: the new state lacks what the old channel tracked. Everybody else hears of that by a diff; the client itself only if the diff
// comes behind its new join.
func row251(t *testing.T, h *house) {
	s, id := h.tracker(t)
	other := h.dial(t, id)
	other.n = s.n
	other.join("realtime:a", `{}`)
	s.track(`{"u":1}`, `{"phx_ref":"$R1","u":1}`, "")
	other.want(diff(`{"phx_ref":"$R1","u":1}`, ""))
	s.send(joinOf("2", "realtime:a", `{"config":{"presence":{"enabled":true,"key":"k"}}}`))
	s.want(`["2","2","realtime:a","phx_reply",`+joined+`]`, `["1","1","realtime:a","phx_close",{}]`)
	left := diff("", `{"phx_ref":"$R1","u":1}`)
	const state = `["2",null,"realtime:a","presence_state",{}]`
	if got := s.next(); s.n.match(got, left) == nil {
		s.want(state)
	} else if err := s.n.match(got, state); err != nil {
		t.Error(err)
	}
	s.fenceIn("2", "realtime:a")
	other.want(left)
	other.fenceIn("1", "realtime:a")
}

func row252(t *testing.T, h *house) {
	s := h.dial(t, h.tenant(t, ""))
	s.join("realtime:a", `{}`)
	s.send(joinOf("2", "realtime:a", `{"config":{},"access_token":"bad"}`))
	s.want(`["2","2","realtime:a","phx_reply",`+failure(t, "MalformedJWT: "+malformed)+`]`, `["1","1","realtime:a","phx_close",{}]`)
	s.send(`["1","3","realtime:a","broadcast",{}]`)
	s.want(`[null,"3","realtime:a","phx_reply",` + unmatched + `]`)
}

func row253(t *testing.T, h *house) {
	s := h.dialV1(t, h.tenant(t, ""))
	s.send(`{"topic":"realtime:a","event":"phx_join","payload":{"config":{}},"ref":"1"}`)
	s.want(`{"topic":"realtime:a","event":"phx_reply","payload":` + joined + `,"ref":"1"}`)
	s.send(`{"topic":"realtime:a","event":"phx_join","payload":{"config":{}},"ref":"2","join_ref":null}`)
	s.want(`{"topic":"realtime:a","event":"phx_reply","payload":`+joined+`,"ref":"2"}`, `{"topic":"realtime:a","event":"phx_close","payload":{},"ref":"1"}`)
	s.fenceIn("2", "realtime:a")
}
