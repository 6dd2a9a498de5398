package actors

import (
	"testing"
	"time"
)

// A second refresh within the throttle waits for its end; a wrong one closes the channel only then, or when the token
// in force is over, whatever comes first.
func TestThrottledRefreshWaitsNoLongerThanTheToken(t *testing.T) {
	s := newSite(t, Options{AccessTokenThrottle: time.Hour})
	a := s.connect(alice)
	a.p.send(`["1","1","realtime:x","phx_join",{"config":{}}]`)
	a.want(`"phx_reply",{"status":"ok"`)
	refresh := func(tok string) { a.p.send(`["1","9","realtime:x","access_token",{"access_token":"` + tok + `"}]`) }
	refresh(s.token(alice, 2*time.Second)) // verified at once
	refresh("bad")                         // held
	a.quiet(500 * time.Millisecond)
	began := time.Now()
	a.want(`"message":"The token provided is not a valid JWT"`)
	a.want("phx_close")
	if took := time.Since(began); took > 30*time.Second {
		t.Errorf("closed after %s, the token in force lived 2 s", took)
	}
}
