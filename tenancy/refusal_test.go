package tenancy

import (
	"errors"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"

	"realtime/protocol/codes"
)

// How each door tells a refusal.
func TestRefusalsAsEachDoorTellsThem(t *testing.T) {
	tenant := tenantWith(t, secret, testJWKS(t), `{"iss":"me"}`)
	kid := `Failed to generate JWT signer for key ID (kid) "k", check your JWT secret or JWKS configuration`
	for _, c := range []struct {
		name, token   string
		status        int
		connect, join string
		refresh       string
	}{
		{"malformed", "x", 401, notJWT, "MalformedJWT: " + notJWT, notJWT},
		{"claims not an object", hs(t, "[]"), 401, notJWT, "MalformedJWT: " + notJWT, notJWT},
		{"exp a string", hs(t, `{"role":"anon","exp":"x"}`), 401, notJWT, "MalformedJWT: " + notJWT, notJWT},
		{"expired, a fraction", hs(t, `{"role":"anon","exp":1799999990.2}`), 401, "Token has expired", "InvalidJWTToken: Token has expired 10 seconds ago", "Token has expired 10 seconds ago"},
		{"no signer", signRaw(t, jwt.SigningMethodHS256, []byte("x"), `{"alg":"none"}`, good), 401, signerText, "JwtSignerError: " + signerText, signerText},
		{"no key", signRaw(t, jwt.SigningMethodHS256, []byte("x"), `{"alg":"RS256","kid":"k"}`, good), 401, kid, "JwtSignerError: " + kid, kid},
		{"signature", signRaw(t, jwt.SigningMethodHS256, []byte("x"), `{"alg":"HS256"}`, good), 401, badSig, "JwtSignatureError: " + badSig, badSig},
		{
			"expired", hs(t, `{"role":"anon","exp":1799999990}`), 401, "Token has expired",
			"InvalidJWTToken: Token has expired 10 seconds ago", "Token has expired 10 seconds ago",
		},
		{"claims missing", hs(t, `{"exp":1900000000}`), 401, required, "InvalidJWTToken: " + required, required},
		{"validator", hs(t, `{"role":"anon","exp":1900000000,"iss":"you"}`), 500, "Error connecting to Realtime", "Unknown Error on Channel", `Invalid token: claim "iss"`},
	} {
		_, err := tenant.Verify(c.token, now)
		status, connect := ConnectAnswer(err)
		if status != c.status || connect != c.connect {
			t.Errorf("%s: handshake answers %d %q, want %d %q", c.name, status, connect, c.status, c.connect)
		}
		if got := JoinReason(err); got != c.join {
			t.Errorf("%s: join answers %q, want %q", c.name, got, c.join)
		}
		if got := RefreshMessage(err); got != c.refresh {
			t.Errorf("%s: refresh answers %q, want %q", c.name, got, c.refresh)
		}
	}
}

func TestTokenErrorNamesTheKey(t *testing.T) {
	tenant := tenantWith(t, secret, testJWKS(t), "")
	_, err := tenant.Verify(signRaw(t, jwt.SigningMethodHS256, []byte("x"), `{"alg":"HS256","kid":"oct"}`, good), now)
	e, ok := errors.AsType[*TokenError](err)
	if !ok {
		t.Fatalf("no TokenError in %v", err)
	}
	if e.Alg != "HS256" || e.Kid != "oct" || e.Source != "JWKS" || e.Fingerprint != Fingerprint("another-secret-of-32-characters!") {
		t.Errorf("got %+v", e)
	}
	for _, payload := range []string{`{"role":"anon","exp":1}`, `{"exp":1900000000}`, `{"role":"anon","exp":"x"}`} {
		_, err := tenant.Verify(hs(t, payload), now)
		if e, ok := errors.AsType[*TokenError](err); !ok || e.Source != "jwt_secret" || e.Fingerprint != Fingerprint(secret) {
			t.Errorf("%s: the key is missing in %v", payload, err)
		}
	}
	long := strings.Repeat("é", 500)
	_, err = tenant.Verify(signRaw(t, jwt.SigningMethodHS256, []byte("x"), `{"alg":"RS256","kid":"`+long+`"}`, good), now)
	if f := codes.Of(err); len(f.Error()) > 700 || !strings.Contains(f.Text, "…") {
		t.Errorf("a long kid is told in full: %d bytes", len(f.Error()))
	}
}

func TestParseValidators(t *testing.T) {
	for _, text := range []string{"", "  ", "{}", `{"iss":"x"}`} {
		if _, err := ParseValidators(text); err != nil {
			t.Errorf("ParseValidators(%q): %v", text, err)
		}
	}
	for _, text := range []string{"x", "null", "[]", `"x"`, `{"a":1} {}`, `{'iss':'x'}`} {
		_, err := ParseValidators(text)
		if err == nil || !strings.Contains(err.Error(), "JWT claim validators is not a valid JSON object") {
			t.Errorf("ParseValidators(%q) = %v", text, err)
		}
		if strings.Contains(text, "'") != (err != nil && strings.Contains(err.Error(), "double quotes")) {
			t.Errorf("ParseValidators(%q): the hint is wrong: %v", text, err)
		}
	}
}
