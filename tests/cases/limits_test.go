package cases

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"realtime/actors"
)

var limitRows = []row{
	differs(110, "heartbeat behind a failing join", "the refusal alone waits (quirk Q3)", row110),
	differs(111, "two failing joins", "each refusal waits by itself (quirk Q3)", row111),
	as(112, "public join where only private ones are allowed", row112),
	as(114, "too many channels", row114),
	as(115, "channel in place of another", row115),
	as(116, "joined topic again, at the limit", row116),
	as(117, "too many users", row117),
	differs(118, "user that left its channels", "counts no more: its socket has no channel (quirk Q29)", row118),
	as(119, "user that closed its socket", row119),
	as(120, "user with a second channel", row120),
	as(123, "server that shuts down", row123),
}

// pause is what the servers of rows 110 and 111 wait before they refuse.
const pause = time.Second

func row110(t *testing.T, h *house) {
	a := h.annex(t, func(o *actors.Options) { o.JoinPause = pause })
	s := a.dial(t, a.tenant(t, ""))
	begun := time.Now()
	s.send(joinOf("1", "realtime:", `{"config":{}}`), `[null,"2","phoenix","heartbeat",{}]`, joinOf("3", "realtime:b", `{"config":{}}`))
	s.want(`[null,"2","phoenix","phx_reply",`+done+`]`, `["3","3","realtime:b","phx_reply",`+joined+`]`,
		`["1","1","realtime:","phx_reply",`+failure(t, "TopicNameRequired: You must provide a topic name")+`]`)
	if took := time.Since(begun); took < pause {
		t.Errorf("refused after %v, the pause is %v", took, pause)
	}
}

func row111(t *testing.T, h *house) {
	a := h.annex(t, func(o *actors.Options) { o.JoinPause = pause })
	s := a.dial(t, a.tenant(t, ""))
	bad := `{"config":{},"access_token":"bad"}`
	begun := time.Now()
	s.send(joinOf("1", "realtime:a", bad), joinOf("2", "realtime:b", bad))
	var times [2]time.Duration
	for i := range times {
		got := s.next()
		times[i] = time.Since(begun)
		a := s.n.match(got, `["1","1","realtime:a","phx_reply",`+failure(t, "MalformedJWT: "+malformed)+`]`)
		b := s.n.match(got, `["2","2","realtime:b","phx_reply",`+failure(t, "MalformedJWT: "+malformed)+`]`)
		if a != nil && b != nil {
			t.Fatalf("got %s", got)
		}
	}
	if times[0] < pause || times[1]-times[0] >= pause {
		t.Errorf("refused after %v, want both after a pause of %v", times, pause)
	}
}

func row112(t *testing.T, h *house) {
	s := h.dial(t, h.tenant(t, `,"private_only":true`))
	for _, payload := range []string{`{"config":{}}`, `{"config":{"private":false}}`, `{"config":{"private":null}}`} {
		s.refused(payload, "PrivateOnly: This project only allows private channels")
	}
}

// limited is the reply to a join that a limit refuses.
func limited(ref, topic, reason, setting string) string {
	return `["` + ref + `","` + ref + `","` + topic + `","phx_reply",{"status":"error","response":{"reason":"` + reason + `","limit":"$limit ` + setting + `"}}]`
}

func tooManyChannels(ref, topic string) string {
	return limited(ref, topic, "ChannelRateLimitReached: Too many channels", "max_channels_per_client")
}

func row114(t *testing.T, h *house) {
	s := h.dial(t, h.tenant(t, `,"max_channels_per_client":2`))
	s.join("realtime:a", `{}`)
	s.join("realtime:b", `{}`)
	s.send(joinOf("3", "realtime:c", `{"config":{}}`))
	s.want(tooManyChannels("3", "realtime:c"))
	s.fenceIn("1", "realtime:a")
}

func row115(t *testing.T, h *house) {
	s := h.dial(t, h.tenant(t, `,"max_channels_per_client":2`))
	s.join("realtime:a", `{}`)
	s.join("realtime:b", `{}`)
	s.send(`["1","2","realtime:a","phx_leave",{}]`)
	s.want(`["1","2","realtime:a","phx_reply",`+done+`]`, `["1","1","realtime:a","phx_close",{}]`)
	s.join("realtime:c", `{}`)
	s.send(joinOf("4", "realtime:d", `{"config":{}}`))
	s.want(tooManyChannels("4", "realtime:d"))
}

func row116(t *testing.T, h *house) {
	s := h.dial(t, h.tenant(t, `,"max_channels_per_client":2`))
	s.join("realtime:a", `{}`)
	s.join("realtime:b", `{}`)
	s.send(joinOf("3", "realtime:a", `{"config":{}}`))
	s.want(`["3","3","realtime:a","phx_reply",`+joined+`]`, `["1","1","realtime:a","phx_close",{}]`)
	s.fenceIn("3", "realtime:a")
}

// tooManyUsers joins and is refused; the socket stays.
func (s *socket) tooManyUsers() {
	s.t.Helper()
	s.send(joinOf("9", "realtime:a", `{"config":{}}`))
	s.want(limited("9", "realtime:a", "ConnectionRateLimitReached: Too many connected users", "max_concurrent_users"))
	s.fence()
}

func row117(t *testing.T, h *house) {
	id := h.tenant(t, `,"max_concurrent_users":1`)
	a, b := h.dial(t, id), h.dial(t, id)
	a.join("realtime:a", `{}`)
	b.tooManyUsers()
}

func row118(t *testing.T, h *house) {
	id := h.tenant(t, `,"max_concurrent_users":1`)
	a, b := h.dial(t, id), h.dial(t, id)
	a.join("realtime:a", `{}`)
	a.send(`["1","2","realtime:a","phx_leave",{}]`)
	a.want(`["1","2","realtime:a","phx_reply",`+done+`]`, `["1","1","realtime:a","phx_close",{}]`)
	b.joinSoon("realtime:a")
	a.tooManyUsers()
}

// joinSoon joins as soon as there is room: what frees it may be on its way.
func (s *socket) joinSoon(topic string) {
	s.t.Helper()
	eventually(s.t, "room for a user", func() bool {
		s.send(joinOf("1", topic, `{"config":{}}`))
		reply := s.next()
		if s.n.match(reply, `["1","1","`+topic+`","phx_reply",`+joined+`]`) == nil {
			return true
		}
		if !strings.Contains(reply, "Too many connected users") {
			s.t.Fatalf("got %s", reply)
		}
		return false
	})
}

func row119(t *testing.T, h *house) {
	id := h.tenant(t, `,"max_concurrent_users":1`)
	a, b := h.dial(t, id), h.dial(t, id)
	a.join("realtime:a", `{}`)
	b.tooManyUsers()
	a.hangUp()
	b.joinSoon("realtime:a")
}

func row120(t *testing.T, h *house) {
	s := h.dial(t, h.tenant(t, `,"max_concurrent_users":1`))
	s.join("realtime:a", `{}`)
	s.join("realtime:b", `{}`)
}

// row123: whoever asks while the server goes down is told so. Its sockets are closed in the same moment, so a join gets its answer only
// where so many are open that closing takes a while; then it is refused with RealtimeRestarting, as a test of package actors shows.
func row123(t *testing.T, h *house) {
	a := h.annex(t, nil)
	id := a.tenant(t, "")
	s := a.dial(t, id)
	s.join("realtime:a", `{}`)
	ctx, cancel := context.WithTimeout(t.Context(), patient)
	defer cancel()
	down := make(chan struct{})
	go func() { // ends when the tree is gone
		defer close(down)
		a.system.Drain(ctx)
	}()
	s.wantClose(1012)
	late, r := a.connect(t, id, token(t), "vsn=2.0.0")
	if body, err := io.ReadAll(r.Body); err != nil || r.StatusCode != 503 || string(body) != `{"error":"Realtime is restarting, please standby"}` {
		t.Errorf("handshake meanwhile: %d %s, %v", r.StatusCode, body, err)
	}
	if _, _, err := late.read(); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("behind it: %v, want the end", err)
	}
	<-down
}
