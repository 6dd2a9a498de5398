package cases

import (
	"strings"
	"testing"
)

var broadcastRows = []row{
	as(130, "without self", row130),
	as(131, "self and ack", row131),
	as(132, "without ack", row132),
	as(133, "empty payload", row133),
	as(134, "text to version 1", row134),
	as(135, "binary frame with JSON to version 1", row135),
	as(136, "binary frame with bytes to version 1", row136),
	as(137, "binary frames to version 2", row137),
	as(138, "unknown encoding", row138),
	as(139, "metadata is not passed on", row139),
	as(140, "ack with empty refs", row140),
	differs(141, "binary push", "members get a user broadcast (kind 4), which clients can read, in place of kind 2 (quirk Q13)", row141),
	differs(147, "payload at the limit, ack", "measured in bytes as received, and the response is an object (quirks Q11, Q12)", row147),
	as(148, "payload too large, no ack", row148),
	differs(149, "binary payload too large, ack", "the response is an object (quirk Q11)", row149),
}

// room has a socket of version 2 that sends, and one of each version that receives; all have joined realtime:a.
type room struct{ a, b, v1 *socket }

func (h *house) room(t *testing.T, config string) room {
	t.Helper()
	id := h.tenant(t, "")
	r := room{a: h.dial(t, id), b: h.dial(t, id), v1: h.dialV1(t, id)}
	r.a.join("realtime:a", config)
	r.b.join("realtime:a", `{}`)
	r.v1.join("realtime:a", `{}`)
	return r
}

// quiet sees that nobody heard anything more.
func (r room) quiet() {
	for _, s := range []*socket{r.a, r.b, r.v1} {
		s.fenceIn("1", "realtime:a")
	}
}

// userPush is a binary frame of kind 3 to realtime:a with join_ref 1 and the event ev.
func userPush(ref, meta string, encoding byte, payload string) string {
	return "\x03\x01" + string(rune(len(ref))) + "\x0a\x02" + string(rune(len(meta))) + string(rune(encoding)) + "1" + ref + "realtime:aev" + meta + payload
}

// userFrame is a binary frame of kind 4 to realtime:a, without metadata.
func userFrame(event string, encoding byte, payload string) string {
	return "\x04\x0a" + string(rune(len(event))) + "\x00" + string(rune(encoding)) + "realtime:a" + event + payload
}

func row130(t *testing.T, h *house) {
	r := h.room(t, `{}`)
	r.a.send(`["1","2","realtime:a","broadcast",{"type":"broadcast","event":"e","payload":{"m":1}}]`)
	r.b.want(`[null,null,"realtime:a","broadcast",{"type":"broadcast","event":"e","payload":{"m":1}}]`)
	r.a.fenceIn("1", "realtime:a")
}

func row131(t *testing.T, h *house) {
	r := h.room(t, `{"broadcast":{"self":true,"ack":true}}`)
	r.a.send(`["1","2","realtime:a","broadcast",{"m":1}]`)
	r.a.want(`[null,null,"realtime:a","broadcast",{"m":1}]`, `["1","2","realtime:a","phx_reply",{"status":"ok","response":{}}]`)
	r.a.fenceIn("1", "realtime:a")
}

func row132(t *testing.T, h *house) {
	r := h.room(t, `{"broadcast":{"ack":false}}`)
	r.a.send(`["1","2","realtime:a","broadcast",{"m":1}]`)
	r.b.want(`[null,null,"realtime:a","broadcast",{"m":1}]`)
	r.a.fenceIn("1", "realtime:a")
}

func row133(t *testing.T, h *house) {
	r := h.room(t, `{}`)
	r.a.send(`["1","2","realtime:a","broadcast",{}]`)
	r.b.want(`[null,null,"realtime:a","broadcast",{}]`)
	r.v1.want(`{"topic":"realtime:a","event":"broadcast","payload":{},"ref":null}`)
}

func row134(t *testing.T, h *house) {
	r := h.room(t, `{}`)
	r.a.send(`["1","2","realtime:a","broadcast",{"type":"broadcast","event":"e","payload":{"m":"é\n"}}]`)
	r.v1.want(`{"topic":"realtime:a","event":"broadcast","payload":{"type":"broadcast","event":"e","payload":{"m":"é\n"}},"ref":null}`)
}

func row135(t *testing.T, h *house) {
	r := h.room(t, `{}`)
	r.a.sendBinary(userPush("2", "", 1, `{"a":1}`))
	r.v1.want(`{"topic":"realtime:a","event":"broadcast","payload":{"event":"ev","payload":{"a":1},"type":"broadcast"},"ref":null}`)
}

func row136(t *testing.T, h *house) {
	r := h.room(t, `{"broadcast":{"ack":true}}`)
	r.a.sendBinary(userPush("2", "", 0, "\x01\x02\xff"))
	r.a.want(`["1","2","realtime:a","phx_reply",` + done + `]`)
	r.v1.fenceIn("1", "realtime:a")
}

func row137(t *testing.T, h *house) {
	r := h.room(t, `{}`)
	r.a.sendBinary(userPush("2", "", 1, `{"a":1}`))
	r.b.wantBinary(userFrame("ev", 1, `{"a":1}`))
	r.a.sendBinary(userPush("3", "", 0, "\x01\x02\xff"))
	r.b.wantBinary(userFrame("ev", 0, "\x01\x02\xff"))
	r.a.fenceIn("1", "realtime:a")
}

func row138(t *testing.T, h *house) {
	r := h.room(t, `{}`)
	r.a.sendBinary(userPush("2", "", 7, `{"a":1}`))
	r.b.wantBinary(userFrame("ev", 1, `{"a":1}`))
}

func row139(t *testing.T, h *house) {
	r := h.room(t, `{}`)
	r.a.sendBinary(userPush("2", `{"store":true}`, 1, `{"a":1}`))
	r.b.wantBinary(userFrame("ev", 1, `{"a":1}`))
	r.v1.want(`{"topic":"realtime:a","event":"broadcast","payload":{"event":"ev","payload":{"a":1},"type":"broadcast"},"ref":null}`)
}

func row140(t *testing.T, h *house) {
	r := h.room(t, `{"broadcast":{"ack":true}}`)
	r.a.sendBinary("\x03\x00\x00\x0a\x02\x00\x01realtime:aev{}")
	r.a.want(`["1","","realtime:a","phx_reply",` + done + `]`)
}

func row141(t *testing.T, h *house) {
	r := h.room(t, `{}`)
	r.a.sendBinary("\x00\x01\x01\x0a\x0912realtime:abroadcast\x05\x06")
	r.b.wantBinary(userFrame("broadcast", 0, "\x05\x06"))
	r.quiet()
}

// most is what a payload may have with upstream's default of 3000 kB.
const most = 3_000_500

func row147(t *testing.T, h *house) {
	r := h.room(t, `{"broadcast":{"ack":true}}`)
	fits := `{"d":"` + strings.Repeat("x", most-len(`{"d":""}`)) + `"}`
	r.a.send(`["1","2","realtime:a","broadcast",` + fits + `]`)
	r.a.want(`["1","2","realtime:a","phx_reply",` + done + `]`)
	for s, want := range map[*socket]string{
		r.b:  `[null,null,"realtime:a","broadcast",` + fits + `]`,
		r.v1: `{"topic":"realtime:a","event":"broadcast","payload":` + fits + `,"ref":null}`,
	} {
		if got := s.next(); got != want {
			t.Errorf("got %d bytes, want the same %d", len(got), len(want))
		}
	}
	r.a.send(`["1","3","realtime:a","broadcast",{"d":"x` + fits[len(`{"d":"`):] + `]`)
	r.a.want(exceeded("3"))
	r.quiet()
}

// exceeded is the reply to a payload that is too large.
func exceeded(ref string) string {
	return `["1","` + ref + `","realtime:a","phx_reply",{"status":"error","response":{"reason":"payload_size_exceeded","limit":"$limit max_payload_size_in_kb"}}]`
}

func row148(t *testing.T, h *house) {
	r := h.room(t, `{}`)
	r.a.send(`["1","2","realtime:a","broadcast",{"d":"` + strings.Repeat("x", 3_000_600) + `"}]`)
	r.quiet()
	r.a.send(`["1","3","realtime:a","broadcast",{"still":"here"}]`)
	r.b.want(`[null,null,"realtime:a","broadcast",{"still":"here"}]`)
}

func row149(t *testing.T, h *house) {
	r := h.room(t, `{"broadcast":{"ack":true}}`)
	r.a.sendBinary(userPush("2", "", 0, strings.Repeat("x", 3_000_600)))
	r.a.want(exceeded("2"))
	r.quiet()
}
