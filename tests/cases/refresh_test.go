package cases

import (
	"testing"
	"time"

	"realtime/postgres/pgtest"
)

var refreshRows = []row{
	as(229, "new token", row229),
	as(230, "nothing of use", row230),
	as(231, "no JWT", ends(malformed, func(*testing.T) []string { return []string{"", "bad"} })),
	as(232, "expired", row232),
	as(233, "no role", ends(required, func(t *testing.T) []string { return []string{token(t, "role", nil)} })),
	differs(234, "other secret", "a sentence in place of an Elixir term (quirk Q21)",
		ends(signature, func(t *testing.T) []string { return []string{sign(t, "another secret")} })),
	differs(235, "no key for the algorithm", "a sentence in place of an Elixir term (quirk Q21)",
		ends(signer, func(t *testing.T) []string { return []string{rs256(t)} })),
	differs(240, "database away", "public channels do not need the database (quirk Q24)", row240),
	as(241, "one of two tokens expires", row241),
}

// refresh pushes a token, given as JSON.
func (s *socket) refresh(token string) {
	s.t.Helper()
	s.send(`["1","5","realtime:a","access_token",{"access_token":` + token + `}]`)
}

// ends expects each token to end the channel with a message; the socket stays.
func ends(message string, tokens func(*testing.T) []string) func(*testing.T, *house) {
	return func(t *testing.T, h *house) {
		s := h.dial(t, h.tenant(t, ""))
		for _, bad := range tokens(t) {
			s.join("realtime:a", `{}`)
			s.refresh(quote(t, bad))
			s.want(`["1",null,"realtime:a","system",{"channel":"a","extension":"system","message":`+quote(t, message)+`,"status":"error"}]`,
				`["1","1","realtime:a","phx_close",{}]`)
		}
		s.fence()
	}
}

func row229(t *testing.T, h *house) {
	s := h.dial(t, h.tenant(t, ""))
	s.join("realtime:a", `{}`)
	s.refresh(quote(t, token(t, "sub", "somebody")))
	s.fenceIn("1", "realtime:a")
}

// row230: that the old token stays in force shows when it ends.
func row230(t *testing.T, h *house) {
	s := h.dial(t, h.tenant(t, ""))
	mine := token(t, "exp", time.Now().Unix()+3)
	s.send(joinOf("1", "realtime:a", `{"config":{},"access_token":"`+mine+`"}`))
	s.want(`["1","1","realtime:a","phx_reply",` + joined + `]`)
	for _, nothing := range []string{`null`, `"sb_publishable_x"`, `5`, `{}`, quote(t, mine)} {
		s.refresh(nothing)
	}
	s.send(`["1","5","realtime:a","access_token",{}]`, `["1","5","realtime:a","access_token","str"]`)
	s.fenceIn("1", "realtime:a")
	s.want(`["1",null,"realtime:a","system",{"channel":"a","extension":"system","message":"$expired","status":"error"}]`,
		`["1","1","realtime:a","phx_close",{}]`)
	wantExpired(t, s.n["expired"], 0)
}

func row232(t *testing.T, h *house) {
	s := h.dial(t, h.tenant(t, ""))
	s.join("realtime:a", `{}`)
	s.refresh(quote(t, token(t, "exp", time.Now().Unix()-9)))
	s.want(`["1",null,"realtime:a","system",{"channel":"a","extension":"system","message":"$expired","status":"error"}]`,
		`["1","1","realtime:a","phx_close",{}]`)
	wantExpired(t, s.n["expired"], 9)
}

func row240(t *testing.T, h *house) {
	h.let(t, "r240", "broadcast", "r")
	proxy, db := pgtest.ProxyTo(t, h.db)
	s := h.dial(t, h.tenantOn(t, db, ""))
	s.join("realtime:a", `{}`)
	s.join("realtime:r240", `{"private":true}`)
	proxy.Refuse(true)
	proxy.Cut()
	s.refresh(quote(t, token(t, "sub", "somebody")))
	s.fenceIn("1", "realtime:a")
	s.refreshIn("realtime:r240")
	s.wantLost("r240", "Realtime was unable to connect to the project database")
}

func row241(t *testing.T, h *house) {
	s := h.dial(t, h.tenant(t, ""))
	s.send(joinOf("1", "realtime:a", `{"config":{},"access_token":"`+token(t, "exp", time.Now().Unix()+2)+`"}`))
	s.want(`["1","1","realtime:a","phx_reply",` + joined + `]`)
	s.join("realtime:b", `{}`)
	s.want(`["1",null,"realtime:a","system",{"channel":"a","extension":"system","message":"$expired","status":"error"}]`,
		`["1","1","realtime:a","phx_close",{}]`)
	s.fenceIn("1", "realtime:b")
}
