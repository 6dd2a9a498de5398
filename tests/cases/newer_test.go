package cases

import (
	"testing"
	"time"

	"realtime/actors"
)

var newerRows = []row{
	as(277, "five tokens in a second", row277),
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
