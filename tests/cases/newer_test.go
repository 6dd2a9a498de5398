package cases

import (
	"testing"
	"time"

	"realtime/actors"
	"realtime/protocol"
)

var newerRows = []row{
	part(259, "replication_ready that is no boolean", databaseBroadcast, row259),
	part(270, "stored broadcast", persistence+"; on a public channel the word is not passed on", row270),
	part(276, "replay without parameters", replay, row276),
	as(277, "five tokens in a second", row277),
}

func row259(t *testing.T, h *house) {
	for value, want := range map[string]bool{`"no"`: true, `0`: true, `"false"`: true, `true`: true, `false`: false, `null`: false} {
		payload := `{"config":{"broadcast":{"replication_ready":` + value + `}}}`
		j, err := protocol.ParseJoin([]byte(payload))
		if err != nil || j.ReplicationReady != want {
			t.Errorf("%s is read as %+v, %v", value, j, err)
		}
		s := h.dial(t, h.tenant(t, ""))
		s.send(joinOf("1", "realtime:a", payload))
		s.want(`["1","1","realtime:a","phx_reply",` + joined + `]`)
	}
}

func row270(t *testing.T, h *house) {
	r := h.room(t, `{"broadcast":{"ack":true}}`)
	r.a.sendBinary(userPush("2", `{"persist":true}`, 1, `{"a":1}`))
	r.a.want(replied)
	r.b.wantBinary(userFrame("ev", 1, `{"a":1}`))
	r.b.fenceIn("1", "realtime:a")
}

func row276(t *testing.T, h *house) {
	if r := replayOf(t, h, `{}`); r == nil || r.Err != nil || r.Limit != 25 {
		t.Errorf("read as %+v", r)
	}
}

// row277: three of five tokens are bad and never looked at, because a newer one came before their turn.
func row277(t *testing.T, h *house) {
	const throttle = 500 * time.Millisecond
	a := h.annex(t, func(o *actors.Options) { o.AccessTokenThrottle = throttle })
	s := a.dial(t, a.tenant(t, ""))
	s.join("realtime:a", `{}`)
	begun := time.Now()
	s.refresh(quote(t, token(t, "sub", "first")))
	for _, bad := range []string{"one", "two", "three"} {
		s.refresh(quote(t, bad))
	}
	s.refresh(quote(t, token(t, "exp", begun.Unix()+2)))
	s.fenceIn("1", "realtime:a")
	s.want(`["1",null,"realtime:a","system",{"channel":"a","extension":"system","message":"$expired","status":"error"}]`,
		`["1","1","realtime:a","phx_close",{}]`) // the last was taken: it ends
	wantExpired(t, s.n["expired"], 0)

	s.join("realtime:a", `{}`)
	begun = time.Now()
	s.refresh(quote(t, token(t, "sub", "first")))
	s.refresh(`"bad"`)
	s.want(`["1",null,"realtime:a","system",{"channel":"a","extension":"system","message":"`+malformed+`","status":"error"}]`,
		`["1","1","realtime:a","phx_close",{}]`)
	if took := time.Since(begun); took < throttle*9/10 {
		t.Errorf("the second token was looked at after %v, want %v", took, throttle)
	}
}
