package cases

import "testing"

var oddBroadcastRows = []row{
	differs(142, "binary frame with broken JSON", "dropped, with an error if ack was asked for (quirk Q15)", row142),
	differs(143, "payload that is a string, version 2", "delivered as it is (quirk Q8)", row143),
	as(144, "payload that is a string, version 1", row144),
	as(145, "payload that is a string, no receiver", row145),
	differs(146, "event of invalid UTF-8", "version 1 gets it with a replacement character, nobody is closed (quirk Q8)", row146),
}

func row142(t *testing.T, h *house) {
	r := h.room(t, `{}`)
	r.a.sendBinary(userPush("2", "", 1, `{broken`))
	r.quiet()
	acked := h.room(t, `{"broadcast":{"ack":true}}`)
	acked.a.sendBinary(userPush("2", "", 1, `{broken`))
	acked.a.want(`["1","2","realtime:a","phx_reply",` + failure(t, "the payload of a broadcast sent as JSON is not valid JSON") + `]`)
	acked.quiet()
}

func row143(t *testing.T, h *house) {
	r := h.room(t, `{"broadcast":{"self":true}}`)
	r.a.send(`["1","2","realtime:a","broadcast","just a string"]`)
	for _, s := range []*socket{r.a, r.b} {
		s.want(`[null,null,"realtime:a","broadcast","just a string"]`)
	}
	r.v1.want(`{"topic":"realtime:a","event":"broadcast","payload":"just a string","ref":null}`)
	r.quiet()
}

func row144(t *testing.T, h *house) {
	id := h.tenant(t, "")
	a, v1 := h.dialV1(t, id), h.dialV1(t, id)
	a.join("realtime:a", `{}`)
	v1.join("realtime:a", `{}`)
	a.send(`{"topic":"realtime:a","event":"broadcast","payload":"just a string","ref":"2","join_ref":"1"}`)
	v1.want(`{"topic":"realtime:a","event":"broadcast","payload":"just a string","ref":null}`)
	a.fenceIn("1", "realtime:a")
}

// row145: null harms nobody with receivers either. They do not get it: realtime-js breaks on it.
func row145(t *testing.T, h *house) {
	alone := h.dial(t, h.tenant(t, ""))
	alone.join("realtime:a", `{}`)
	for _, payload := range []string{`"just a string"`, `null`} {
		alone.send(`["1","2","realtime:a","broadcast",` + payload + `]`)
		alone.fenceIn("1", "realtime:a")
	}
	r := h.room(t, `{}`)
	r.a.send(`["1","2","realtime:a","broadcast",null]`)
	r.quiet()
	acked := h.room(t, `{"broadcast":{"ack":true}}`)
	acked.a.send(`["1","2","realtime:a","broadcast",null]`)
	acked.a.want(`["1","2","realtime:a","phx_reply",` + failure(t, "the payload of a broadcast must not be null") + `]`)
	acked.quiet()
}

func row146(t *testing.T, h *house) {
	r := h.room(t, `{"broadcast":{"ack":true}}`)
	r.a.sendBinary("\x03\x01\x01\x0a\x02\x00\x0112realtime:ae\xff{}")
	r.a.want(`["1","2","realtime:a","phx_reply",` + done + `]`)
	r.b.wantBinary("\x04\x0a\x02\x00\x01realtime:ae\xff{}")
	r.v1.want(`{"topic":"realtime:a","event":"broadcast","payload":{"event":"e` + "\ufffd" + `","payload":{},"type":"broadcast"},"ref":null}`)
	r.quiet()
}
