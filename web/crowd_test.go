package web

import (
	"net/http"
	"testing"
	"time"

	"realtime/actors"
)

// A crowd that comes at once is let in as it comes, what goes on and on is held back to the rate, and nobody is refused.
func TestConnectsAreHeldBack(t *testing.T) {
	const perSecond, beyond = 100, 50
	h := open(t, func(o *Options, _ *actors.Options) { o.ConnectRate = perSecond })
	h.crowd.ReserveN(time.Now(), connectBurst)
	begun := time.Now()
	for range beyond {
		c := h.dial(t)
		c.send(t, "GET /healthcheck HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
		if r, _ := c.response(t); r.StatusCode != http.StatusOK {
			t.Fatal(r.StatusCode)
		}
		_ = c.Close()
	}
	if took, least := time.Since(begun), beyond*time.Second/perSecond*9/10; took < least {
		t.Errorf("%d connects in %v, want %v at the least", beyond, took, least)
	}
}

func TestConnectsAreNotHeldBackWithoutARate(t *testing.T) {
	h := open(t, nil)
	h.crowd.ReserveN(time.Now(), connectBurst)
	if wait := h.crowd.Reserve().Delay(); wait != 0 {
		t.Errorf("waits %v", wait)
	}
}
