package cases

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"regexp"
	"testing"
	"time"
)

// Texts of refused tokens.
const (
	malformed = "The token provided is not a valid JWT"
	required  = "Fields `role` and `exp` are required in JWT"
	signature = "Failed to validate JWT signature"
	signer    = "Failed to generate JWT signer, check your JWT secret or JWKS configuration"
)

var tokenRows = []row{
	as(98, "no token, null, number", accepted(`{"config":{}}`, `{"config":{},"access_token":null}`, `{"config":{},"access_token":5}`)),
	as(99, "opaque key", accepted(`{"config":{},"access_token":"sb_x"}`)),
	as(100, "opaque key as user token", accepted(`{"config":{},"user_token":"sb_x"}`)),
	as(101, "user token wins", row101),
	as(102, "good user token wins", row102),
	as(103, "no JWT", row103),
	as(104, "expired", row104),
	as(105, "no role", row105),
	as(106, "other secret", row106),
	as(107, "no key for the algorithm", row107),
	differs(108, "claims of a wrong type", "the text that fits in place of an unknown error (quirk Q21)", row108),
	as(109, "expires while joined", row109),
}

// accepted expects joins to succeed: with the connection's token, because what they bring is none.
func accepted(payloads ...string) func(*testing.T, *house) {
	return func(t *testing.T, h *house) {
		for _, payload := range payloads {
			s := h.dial(t, h.tenant(t, ""))
			s.send(joinOf("1", "realtime:a", payload))
			s.want(`["1","1","realtime:a","phx_reply",` + joined + `]`)
			s.fenceIn("1", "realtime:a")
		}
	}
}

var expiredText = regexp.MustCompile(`^Token has expired (\d+) seconds ago$`)

// wantExpired compares a sentence with the seconds since, give or take one.
func wantExpired(t *testing.T, text string, seconds int) {
	t.Helper()
	m := expiredText.FindStringSubmatch(text)
	if m == nil {
		t.Errorf("%q does not say when the token expired", text)
		return
	}
	var got int
	if err := json.Unmarshal([]byte(m[1]), &got); err != nil || got < seconds || got > seconds+2 {
		t.Errorf("%q, want about %d seconds", text, seconds)
	}
}

func row101(t *testing.T, h *house) {
	s := h.dial(t, h.tenant(t, ""))
	s.refused(`{"config":{},"access_token":"`+token(t)+`","user_token":"sb_x"}`, "MalformedJWT: "+malformed)
}

func row102(t *testing.T, h *house) {
	s := h.dial(t, h.tenant(t, ""))
	s.send(joinOf("1", "realtime:a", `{"config":{},"access_token":"bad","user_token":"`+token(t)+`"}`))
	s.want(`["1","1","realtime:a","phx_reply",` + joined + `]`)
}

func row103(t *testing.T, h *house) {
	s := h.dial(t, h.tenant(t, ""))
	for _, bad := range []string{"", "bad"} {
		s.refused(`{"config":{},"access_token":"`+bad+`"}`, "MalformedJWT: "+malformed)
	}
}

func row104(t *testing.T, h *house) {
	s := h.dial(t, h.tenant(t, ""))
	s.send(joinOf("1", "realtime:a", `{"config":{},"access_token":"`+token(t, "exp", time.Now().Unix()-50)+`"}`))
	s.want(`["1","1","realtime:a","phx_reply",{"status":"error","response":{"reason":"$reason"}}]`)
	wantExpired(t, after(t, s.n["reason"], "InvalidJWTToken: "), 50)
}

// after cuts a prefix that must be there.
func after(t *testing.T, text, prefix string) string {
	t.Helper()
	if len(text) < len(prefix) || text[:len(prefix)] != prefix {
		t.Errorf("%q does not begin with %q", text, prefix)
		return text
	}
	return text[len(prefix):]
}

func row105(t *testing.T, h *house) {
	s := h.dial(t, h.tenant(t, ""))
	s.refused(`{"config":{},"access_token":"`+token(t, "role", nil)+`"}`, "InvalidJWTToken: "+required)
}

func row106(t *testing.T, h *house) {
	s := h.dial(t, h.tenant(t, ""))
	s.refused(`{"config":{},"access_token":"`+sign(t, "another secret")+`"}`, "JwtSignatureError: "+signature)
}

func row107(t *testing.T, h *house) {
	s := h.dial(t, h.tenant(t, ""))
	s.refused(`{"config":{},"access_token":"`+rs256(t)+`"}`, "JwtSignerError: "+signer)
}

// rs256 is a token that says it is signed with a key which no tenant here has.
func rs256(t *testing.T) string {
	t.Helper()
	part := func(v any) string {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return base64.RawURLEncoding.EncodeToString(b)
	}
	signed := part(map[string]any{"alg": "RS256"}) + "." + part(map[string]any{"role": "anon", "exp": time.Now().Unix() + 100})
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(signed))
	return signed + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

func row108(t *testing.T, h *house) {
	s := h.dial(t, h.tenant(t, ""))
	s.refused(`{"config":{},"access_token":"`+token(t, "iat", "then")+`"}`, "MalformedJWT: "+malformed)
	s.send(joinOf("1", "realtime:a", `{"config":{},"access_token":"`+token(t, "exp", float64(time.Now().Unix())-49.5)+`"}`))
	s.want(`["1","1","realtime:a","phx_reply",{"status":"error","response":{"reason":"$reason"}}]`)
	wantExpired(t, after(t, s.n["reason"], "InvalidJWTToken: "), 49)
}

func row109(t *testing.T, h *house) {
	s := h.dial(t, h.tenant(t, ""))
	begun := time.Now()
	s.send(joinOf("1", "realtime:a", `{"config":{},"access_token":"`+token(t, "exp", begun.Unix()+2)+`"}`))
	s.want(`["1","1","realtime:a","phx_reply",`+joined+`]`,
		`["1",null,"realtime:a","system",{"channel":"a","extension":"system","message":"$expired","status":"error"}]`,
		`["1","1","realtime:a","phx_close",{}]`)
	wantExpired(t, s.n["expired"], 0)
	if took := time.Since(begun); took < time.Second {
		t.Errorf("closed after %v", took)
	}
	s.send(`[null,"1","phoenix","heartbeat",{}]`) // the socket stays
	s.want(`[null,"1","phoenix","phx_reply",` + done + `]`)
}
