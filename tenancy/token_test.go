package tenancy

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"realtime/protocol/codes"
)

const (
	good       = `{"role":"anon","exp":1800000060}`
	signerText = "Failed to generate JWT signer, check your JWT secret or JWKS configuration"
	kidText    = `Failed to generate JWT signer for key ID (kid) "%", check your JWT secret or JWKS configuration`
	badSig     = "Failed to validate JWT signature"
	notJWT     = "The token provided is not a valid JWT"
	required   = "Fields `role` and `exp` are required in JWT"
)

// verdict is what becomes of a token; the zero code means that it is accepted.
type verdict struct {
	code  codes.Code
	text  string
	cause string // a part of the cause, for the log
}

type tokenCase struct {
	name  string
	token string
	want  verdict
}

func checkTokens(t *testing.T, tenant *Tenant, cases []tokenCase) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			claims, err := tenant.Verify(c.token, now)
			if c.want.code == "" {
				if err != nil || claims == nil {
					t.Fatalf("refused: %v", err)
				}
				return
			}
			if err == nil {
				t.Fatalf("accepted: %+v", claims)
			}
			f := codes.Of(err)
			if f.Code != c.want.code || c.want.text != "" && f.Text != c.want.text {
				t.Errorf("got %s: %q, want %s: %q", f.Code, f.Text, c.want.code, c.want.text)
			}
			if cause := f.Unwrap(); cause == nil || !strings.Contains(cause.Error(), c.want.cause) {
				t.Errorf("cause is %v, want %q", cause, c.want.cause)
			}
			if parts := strings.Split(c.token, "."); len(parts) == 3 && len(parts[2]) > 10 && strings.Contains(err.Error(), parts[2]) {
				t.Error("the error holds the token's signature")
			}
			if strings.Contains(err.Error(), secret) {
				t.Error("the error holds the secret")
			}
		})
	}
}

// Which claims are accepted.
func TestTokenClaims(t *testing.T) {
	ok := verdict{}
	expired := func(s string) verdict {
		return verdict{codes.InvalidJWTToken, "Token has expired " + s + " seconds ago", "over"}
	}
	bad := func(cause string) verdict { return verdict{codes.MalformedJWT, notJWT, cause} }
	missing := verdict{codes.InvalidJWTToken, required, "missing"}
	cases := []struct {
		payload string
		want    verdict
	}{
		{good, ok},
		{`{"role":null,"exp":1800000060}`, ok},
		{`{"role":5,"exp":1800000060}`, ok},
		{`{"role":"anon","exp":1800000001}`, ok},
		{`{"role":"anon","exp":1800000000}`, expired("0")},
		{`{"role":"anon","exp":1799999990}`, expired("10")},
		{`{"role":"anon","exp":-5}`, expired("1800000005")},
		{`{"role":"anon","exp":0}`, expired("1800000000")},
		{`{"exp":1799999990}`, expired("10")}, // expiry is told before the missing role
		{`{"role":"anon","exp":1800000060.5}`, ok},
		{`{"role":"anon","exp":1.8000001e9}`, ok},
		{`{"role":"anon","exp":1799999990.5}`, expired("9")},
		{`{"role":"anon","exp":1799999990.4}`, expired("10")},
		{`{"role":"anon","exp":1800000000.0}`, expired("0")},
		{`{"role":"anon","exp":1799999999.9}`, expired("0")},
		{`{"role":"anon","exp":-1e300}`, verdict{codes.InvalidJWTToken, "", "over"}},
		{`{"role":"anon","exp":1800000000.2}`, verdict{codes.InvalidJWTToken, "Token expiration time is invalid", "over"}},
		{`{"role":"anon","exp":"1800000060"}`, bad(`claim "exp" is not a number`)},
		{`{"role":"anon","exp":null}`, bad(`claim "exp" is not a number`)},
		{`{"role":"anon","exp":1e999}`, bad(`claim "exp" is out of range`)},
		{`{"role":"anon","exp":100000000000000000000000000000}`, ok},
		{`{"role":"anon"}`, missing},
		{`{"exp":1800000060}`, missing},
		{`{}`, missing},
		{`{"role":"anon","exp":1800000060,"iat":1900000000}`, ok},
		{`{"role":"anon","exp":1800000060,"iat":1.5}`, ok},
		{`{"role":"anon","exp":1800000060,"iat":"x"}`, bad(`claim "iat" is not a number`)},
		{`{"role":"anon","exp":1800000060,"nbf":1900000000}`, ok},
		{`{"role":"anon","exp":1800000060,"role":"authenticated"}`, ok},
	}
	var tokens []tokenCase
	for _, c := range cases {
		tokens = append(tokens, tokenCase{c.payload, hs(t, c.payload), c.want})
	}
	checkTokens(t, tenantWith(t, secret, nil, ""), tokens)
}

// What is no token at all.
func TestTokenForm(t *testing.T) {
	token := hs(t, good)
	header, rest, _ := strings.Cut(token, ".")
	payload, sig, _ := strings.Cut(rest, ".")
	malformed := func(cause string) verdict { return verdict{codes.MalformedJWT, notJWT, cause} }
	checkTokens(t, tenantWith(t, secret, nil, ""), []tokenCase{
		{"empty", "", malformed("1 parts")},
		{"word", "token", malformed("1 parts")},
		{"two parts", header + "." + payload, malformed("2 parts")},
		{"four parts", token + ".x", malformed("4 parts")},
		{"three empty parts", "..", malformed("claims")},
		{"payload not base64", header + ".*." + sig, malformed("claims part is not base64url")},
		{"payload not JSON", header + "." + b64([]byte("{")) + "." + sig, malformed("claims part is not JSON")},
		{"payload two values", header + "." + b64([]byte("{}{}")) + "." + sig, malformed("claims part is not JSON")},
		{"payload and a bracket", header + "." + b64([]byte("{}}")) + "." + sig, malformed("claims part is not JSON")},
		{"payload not UTF-8", header + "." + b64([]byte("{\"a\":\"\xff\"}")) + "." + sig, malformed("not JSON")},
		{"payload a list", signRaw(t, jwt.SigningMethodHS256, []byte(secret), `{"alg":"HS256"}`, `[]`), malformed("claims part is not an object")},
		{"payload null", signRaw(t, jwt.SigningMethodHS256, []byte(secret), `{"alg":"HS256"}`, `null`), malformed("claims part is not an object")},
		{"header not base64", "*." + payload + "." + sig, malformed("header part is not base64url")},
		{"header a string", signRaw(t, jwt.SigningMethodHS256, []byte(secret), `"HS256"`, good), malformed("header part is not an object")},
		{"signature not base64", header + "." + payload + ".*", malformed("signature is not base64url")},
		{"signature empty", header + "." + payload + ".", verdict{codes.JwtSignatureError, badSig, "jwt_secret"}},
		{"signature of another payload", header + "." + b64([]byte(`{"role":"service_role","exp":1800000060}`)) + "." + sig, verdict{codes.JwtSignatureError, badSig, ""}},
		{"padded parts", signRaw(t, jwt.SigningMethodHS256, []byte(secret), `{"alg":"HS256"}`, good) + "==", verdict{}},
		{"percent-encoded", percent(token), verdict{}},
		{"percent-encoded twice", percent(percent(token)), malformed("1 parts")},
		{"bad percent escape", token + "%zz", malformed("percent")},
		{"white space around and inside", " \t" + token[:20] + "\r\n " + token[20:] + "\n", verdict{}},
		{"percent-encoded white space", "%20" + token + "%0A", verdict{}},
		{"a no-break space is white space too", "\u00a0" + token, verdict{}},
		{"quoted", `"` + token + `"`, malformed("header part is not base64url")},
		{"Bearer in front", "Bearer " + token, malformed("header part")},
		{"too long", strings.Repeat("a", maxTokenBytes) + "." + rest, malformed("bytes long")},
	})
}

func TestTokenClaimValidators(t *testing.T) {
	tenant := tenantWith(t, secret, nil, `{"iss":"https://auth","aud":["a","b"],"level":2,"nested":{"x":null}}`)
	bad := func(claim string) verdict {
		return verdict{codes.ErrorConnectingToWebsocket, "Error connecting to Realtime", `claim "` + claim + `" is not what JWT_CLAIM_VALIDATORS asks for`}
	}
	with := func(claims string) string { return hs(t, `{"role":"anon","exp":1800000060,`+claims+`}`) }
	checkTokens(t, tenant, []tokenCase{
		{"absent claims pass", hs(t, good), verdict{}},
		{"all right", with(`"iss":"https://auth","aud":["a","b"],"level":2.0,"nested":{"x":null}`), verdict{}},
		{"wrong text", with(`"iss":"https://evil"`), bad("iss")},
		{"null is a value", with(`"iss":null`), bad("iss")},
		{"no list membership", with(`"aud":"a"`), bad("aud")},
		{"order counts", with(`"aud":["b","a"]`), bad("aud")},
		{"number and text differ", with(`"level":"2"`), bad("level")},
		{"more keys differ", with(`"nested":{"x":null,"y":1}`), bad("nested")},
		{"other key differs", with(`"nested":{"y":null}`), bad("nested")},
	})
}

func TestTokenOfUnreadableSecret(t *testing.T) {
	s := signers()
	tenant := &Tenant{ExternalID: "acme", secret: secret, JWKS: testJWKS(t)} // typed in by hand
	tenant.finish(&environment{cipher: newCipher(t, ecbKey, "", false)})
	checkTokens(t, tenant, []tokenCase{
		{"HS256", hs(t, good), verdict{codes.UnknownError, "", "typed in by hand"}},
		{"a JWKS key still does", signRaw(t, jwt.SigningMethodES256, s.p256, `{"alg":"ES256","kid":"p256"}`, good), verdict{}},
	})
	_, err := tenant.Verify(hs(t, good), now)
	if !errors.Is(err, ErrNotCiphertext) {
		t.Errorf("cause is %v", err)
	}
	if status, text := ConnectAnswer(err); status != http.StatusInternalServerError || text != "Internal Server Error" {
		t.Errorf("handshake answers %d %q", status, text)
	}
	if got := JoinReason(err); !strings.HasPrefix(got, "UnknownErrorOnChannel: ") {
		t.Errorf("join answers %q", got)
	}
	if err := tenant.Check(); !errors.Is(err, ErrNotCiphertext) || !strings.Contains(err.Error(), `"acme"`) {
		t.Errorf("Check = %v", err)
	}
}

func TestClaimsOfAToken(t *testing.T) {
	tenant := tenantWith(t, secret, nil, "")
	payload := `{"sub":"u1", "role":"authenticated","exp":1800000060.4,"n":1.50,"x":"\u00e9"}`
	c, err := tenant.Verify(hs(t, payload), now)
	if err != nil {
		t.Fatal(err)
	}
	if c.Raw != payload || c.Role != "authenticated" || c.Subject != "u1" || !c.Expires.Equal(time.Unix(1_800_000_060, 0)) {
		t.Errorf("claims are %+v", c)
	}
	c, err = tenant.Verify(hs(t, `{"role":null,"exp":1e300,"sub":7}`), now)
	if err != nil {
		t.Fatal(err)
	}
	if c.Role != "" || c.Subject != "" || c.Expires.Year() != 9999 {
		t.Errorf("claims are %+v", c)
	}
}

func TestSignedTokensVerify(t *testing.T) {
	tenant := tenantWith(t, secret, nil, "")
	claims := map[string]any{"role": "anon", "exp": now.Add(time.Hour).Unix()}
	token, err := Sign([]byte(secret), claims)
	if err != nil {
		t.Fatal(err)
	}
	own, err := tenant.Sign(claims)
	if err != nil {
		t.Fatal(err)
	}
	if own != token {
		t.Errorf("the tenant signs otherwise: %s, %s", own, token)
	}
	if c, err := tenant.Verify(token, now); err != nil || c.Role != "anon" {
		t.Errorf("Verify = %+v, %v", c, err)
	}
	if _, err := Sign(nil, claims); err == nil {
		t.Error("signed with an empty secret")
	}
	if _, err := Sign([]byte(secret), map[string]any{"f": func() {}}); err == nil {
		t.Error("signed what is not JSON")
	}
}

func TestVerifySecret(t *testing.T) {
	none := Validators{}
	if c, err := VerifySecret(hs(t, `{}`), secret, none, now); err != nil || !c.Expires.IsZero() {
		t.Errorf("without claims: %+v, %v", c, err)
	}
	if _, err := VerifySecret(hs(t, `{"exp":1}`), secret, none, now); codes.Of(err).Code != codes.InvalidJWTToken {
		t.Errorf("expired: %v", err)
	}
	if _, err := VerifySecret(hs(t, `{}`), "other", none, now); codes.Of(err).Code != codes.JwtSignatureError {
		t.Errorf("another secret: %v", err)
	}
	if _, err := VerifySecret(signRaw(t, jwt.SigningMethodHS256, []byte{}, `{"alg":"HS256"}`, `{}`), "", none, now); codes.Of(err).Code != codes.JwtSignerError {
		t.Errorf("no secret: %v", err)
	}
	v, err := ParseValidators(`{"iss":"me"}`)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := VerifySecret(hs(t, `{"iss":"you"}`), secret, v, now); codes.Of(err).Code != codes.ErrorConnectingToWebsocket {
		t.Errorf("another issuer: %v", err)
	}
}
