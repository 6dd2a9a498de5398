package cases

import (
	"regexp"
	"strings"
	"testing"
)

var presenceRows = []row{
	as(176, "empty room", row176),
	as(177, "presence not enabled", row177),
	as(178, "presence enabled by the tenant", row178),
	as(179, "track", row179),
	as(180, "same track again", row180),
	as(181, "other track", row181),
	as(182, "untrack", row182),
	as(183, "untrack of nothing", row183),
	as(184, "track in any case", row184),
	as(185, "track without payload", row185),
	as(186, "track of no object", row186),
	as(187, "unknown event", row187),
	as(188, "no event", row188),
	differs(189, "event of a wrong type", "answered with error, the channel stays (quirk Q7)", row189),
	differs(190, "too many messages of one client", "messages answered with an error count as well (quirk Q28)", row190),
	as(193, "track too large", row193),
	as(196, "two metas of one key", row196),
	as(197, "one of two metas leaves", row197),
	as(201, "diff without presence enabled", row201),
	as(205, "presence on version 1", row205),
	differs(206, "payload with a phx_ref", "one key, the server's (quirk Q18)", row206),
}

// tracker is a socket of a new tenant in realtime:a that has seen the empty room; its key is k.
func (h *house) tracker(t *testing.T) (s *socket, tenant string) {
	t.Helper()
	id := h.tenant(t, "")
	s = h.dial(t, id)
	s.join("realtime:a", `{"presence":{"enabled":true,"key":"k"}}`)
	s.want(`["1",null,"realtime:a","presence_state",{}]`)
	return s, id
}

// presence sends a presence message with ref 2.
func (s *socket) presence(payload string) {
	s.t.Helper()
	s.send(`["1","2","realtime:a","presence",` + payload + `]`)
}

// track tracks a payload and waits for the reply and the diff, which come in either order.
func (s *socket) track(payload, joins, leaves string) {
	s.t.Helper()
	s.presence(`{"type":"presence","event":"track","payload":` + payload + `}`)
	s.wantAny(replied, diff(joins, leaves))
}

const replied = `["1","2","realtime:a","phx_reply",{"status":"ok","response":{}}]`

// diff is a presence_diff in realtime:a. Sides are metas of the key k, or "".
func diff(joins, leaves string) string { return diffOf("k", joins, leaves) }

func diffOf(key, joins, leaves string) string {
	side := func(metas string) string {
		if metas == "" {
			return `{}`
		}
		return `{"` + key + `":{"metas":[` + metas + `]}}`
	}
	return `[null,null,"realtime:a","presence_diff",{"joins":` + side(joins) + `,"leaves":` + side(leaves) + `}]`
}

func row176(t *testing.T, h *house) {
	s, _ := h.tracker(t)
	s.fenceIn("1", "realtime:a")
}

func row177(t *testing.T, h *house) {
	s := h.dial(t, h.tenant(t, ""))
	s.join("realtime:a", `{}`)
	s.fenceIn("1", "realtime:a")
}

func row178(t *testing.T, h *house) {
	s := h.dial(t, h.tenant(t, `,"presence_enabled":true`))
	s.join("realtime:a", `{}`)
	s.want(`["1",null,"realtime:a","presence_state",{}]`)
	s.join("realtime:b", `{"presence":{"enabled":false}}`)
	s.want(`["1",null,"realtime:b","presence_state",{}]`)
}

func row179(t *testing.T, h *house) {
	s, _ := h.tracker(t)
	s.track(`{"u":1}`, `{"phx_ref":"$R1","u":1}`, "")
	if ref := s.n["R1"]; !regexp.MustCompile(`^[A-Za-z0-9_-]{16}$`).MatchString(ref) {
		t.Errorf("phx_ref %q, want 16 characters of URL-safe base64", ref)
	}
}

func row180(t *testing.T, h *house) {
	s, _ := h.tracker(t)
	s.track(`{"u":1}`, `{"phx_ref":"$R1","u":1}`, "")
	s.presence(`{"type":"presence","event":"track","payload":{"u":1}}`)
	s.want(replied)
	s.fenceIn("1", "realtime:a")
}

func row181(t *testing.T, h *house) {
	s, _ := h.tracker(t)
	s.track(`{"u":1}`, `{"phx_ref":"$R1","u":1}`, "")
	s.track(`{"u":2}`, `{"phx_ref":"$R2","phx_ref_prev":"$R1","u":2}`, `{"phx_ref":"$R1","u":1}`)
}

func row182(t *testing.T, h *house) {
	s, _ := h.tracker(t)
	s.track(`{"u":1}`, `{"phx_ref":"$R1","u":1}`, "")
	s.presence(`{"type":"presence","event":"untrack"}`)
	s.wantAny(replied, diff("", `{"phx_ref":"$R1","u":1}`))
}

func row183(t *testing.T, h *house) {
	s, _ := h.tracker(t)
	s.presence(`{"type":"presence","event":"untrack"}`)
	s.want(replied)
	s.fenceIn("1", "realtime:a")
}

func row184(t *testing.T, h *house) {
	s, _ := h.tracker(t)
	prev := ""
	for i, event := range []string{"TRACK", "Track", "track"} {
		ref, n := `"$R`+string(rune('1'+i))+`"`, string(rune('1'+i))
		s.presence(`{"event":"` + event + `","payload":{"n":` + n + `}}`)
		joins, leaves := `{"phx_ref":`+ref+`,"n":`+n+`}`, ""
		if i > 0 {
			joins = strings.Replace(joins, `,"n"`, `,"phx_ref_prev":"$R`+string(rune('0'+i))+`","n"`, 1)
			leaves = prev
		}
		s.wantAny(replied, diff(joins, leaves))
		prev = joins
	}
}

func row185(t *testing.T, h *house) {
	s, _ := h.tracker(t)
	s.presence(`{"event":"track"}`)
	s.wantAny(replied, diff(`{"phx_ref":"$R1"}`, ""))
}

func row186(t *testing.T, h *house) {
	s, id := h.tracker(t)
	for _, payload := range []string{`"str"`, `null`} {
		s.presence(`{"event":"track","payload":` + payload + `}`)
		s.want(`["1","2","realtime:a","phx_reply",` + failure(t, "Presence track payload must be a map") + `]`)
	}
	s.fenceIn("1", "realtime:a")
	h.wantLogged(t, id, "InvalidPresencePayload")
}

func row187(t *testing.T, h *house) {
	s, id := h.tracker(t)
	s.presence(`{"event":"wat"}`)
	s.want(`["1","2","realtime:a","phx_reply",{"status":"error","response":{}}]`)
	h.wantLogged(t, id, "UnknownPresenceEvent")
}

func row188(t *testing.T, h *house) {
	s, _ := h.tracker(t)
	for _, payload := range []string{`{"nope":1}`, `"str"`} {
		s.presence(payload)
		s.want(replied)
	}
	s.fenceIn("1", "realtime:a")
}

func row189(t *testing.T, h *house) {
	s, _ := h.tracker(t)
	s.presence(`{"event":5}`)
	s.want(`["1","2","realtime:a","phx_reply",{"status":"error","response":{}}]`)
	s.fenceIn("1", "realtime:a")
}

// expelled are the two frames that end a channel because of a limit.
func expelled(message, setting string) []string {
	return []string{
		`["1",null,"realtime:a","system",{"channel":"a","extension":"system","message":"` + message + `","status":"error","limit":"$limit ` + setting + `"}]`,
		`["1","1","realtime:a","phx_close",{}]`,
	}
}

// row190: messages that are answered with an error count here, too (quirk Q28).
func row190(t *testing.T, h *house) {
	s, id := h.tracker(t)
	for range 3 {
		s.presence(`{"event":"untrack"}`)
		s.want(replied)
	}
	for range 2 {
		s.presence(`{"event":"wat"}`)
		s.want(`["1","2","realtime:a","phx_reply",{"status":"error","response":{}}]`)
	}
	s.presence(`{"event":"untrack"}`)
	s.want(expelled("Client presence rate limit exceeded", "max_client_presence_events_per_window")...)
	s.fence()
	h.wantLogged(t, id, "ClientPresenceRateLimitReached")
}

func row193(t *testing.T, h *house) {
	s, _ := h.tracker(t)
	s.presence(`{"event":"track","payload":{"d":"` + strings.Repeat("x", 3_000_600) + `"}}`)
	s.want(expelled("Track message size exceeded", "max_payload_size_in_kb")...)
	s.fence()
}

// twice is a room where two sockets have tracked under one key, and a third that has joined and seen it.
func twice(t *testing.T, h *house) (first, second, third *socket) {
	first, id := h.tracker(t)
	first.track(`{"s":1}`, `{"phx_ref":"$R1","s":1}`, "")
	second, third = h.dial(t, id), h.dial(t, id)
	second.n, third.n = first.n, first.n
	second.join("realtime:a", `{"presence":{"enabled":false,"key":"k"}}`)
	second.track(`{"s":2}`, `{"phx_ref":"$R2","s":2}`, "")
	third.join("realtime:a", `{"presence":{"enabled":true}}`)
	third.want(`["1",null,"realtime:a","presence_state",{"k":{"metas":[{"phx_ref":"$R1","s":1},{"phx_ref":"$R2","s":2}]}}]`)
	return first, second, third
}

func row196(t *testing.T, h *house) { twice(t, h) }

func row197(t *testing.T, h *house) {
	first, second, third := twice(t, h)
	first.hangUp()
	for _, s := range []*socket{second, third} {
		s.want(diff("", `{"phx_ref":"$R1","s":1}`))
		s.fenceIn("1", "realtime:a")
	}
}

func row201(t *testing.T, h *house) {
	s, id := h.tracker(t)
	other := h.dial(t, id)
	other.join("realtime:a", `{}`)
	s.track(`{"u":1}`, `{"phx_ref":"$R1","u":1}`, "")
	other.want(diff(`{"phx_ref":"$R1","u":1}`, ""))
}

func row205(t *testing.T, h *house) {
	s := h.dialV1(t, h.tenant(t, ""))
	s.send(`{"topic":"realtime:a","event":"phx_join","payload":{"config":{"presence":{"enabled":true,"key":"k"}}},"ref":"1","join_ref":"1"}`)
	s.want(`{"topic":"realtime:a","event":"phx_reply","payload":`+joined+`,"ref":"1"}`,
		`{"topic":"realtime:a","event":"presence_state","payload":{},"ref":null}`)
	s.send(`{"topic":"realtime:a","event":"presence","payload":{"type":"presence","event":"track","payload":{"u":1}},"ref":"2","join_ref":"1"}`)
	s.wantAny(`{"topic":"realtime:a","event":"presence_diff","payload":{"joins":{"k":{"metas":[{"phx_ref":"$R1","u":1}]}},"leaves":{}},"ref":null}`,
		`{"topic":"realtime:a","event":"phx_reply","payload":`+done+`,"ref":"2"}`)
}

func row206(t *testing.T, h *house) {
	s, _ := h.tracker(t)
	s.track(`{"u":1,"phx_ref":"mine"}`, `{"phx_ref":"$R1","u":1}`, "")
	if s.n["R1"] == "mine" {
		t.Error("the client's phx_ref was taken")
	}
}
