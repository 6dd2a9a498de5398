package tenancy

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"

	"realtime/postgres"
	"realtime/protocol/codes"
)

// TestSignatureErrorsNameWhatWasMixedUp: the cause of a refused token says which other known secret made its
// signature. The token stays refused, and no secret is shown.
func TestSignatureErrorsNameWhatWasMixedUp(t *testing.T) {
	const api, coded = "the-api-secret-of-this-server-32b", "c2VjcmV0LXdpdGgtZW5vdWdoLWJ5dGVzLTEyMzQ1Njc4"
	decoded, err := base64.StdEncoding.DecodeString(coded)
	if err != nil {
		t.Fatal(err)
	}
	by := func(key []byte, header string) string { return signRaw(t, jwt.SigningMethodHS256, key, header, good) }
	for _, c := range []struct {
		name, secret, token, want string
	}{
		{"API secret", secret, by([]byte(api), `{"alg":"HS256"}`), "the secret in API_JWT_SECRET (fingerprint " + Fingerprint(api) + ") made this signature"},
		{"kid of another key", secret, by([]byte(secret), `{"alg":"HS256","kid":"oct"}`), "jwt_secret made this signature: the token's kid names another key"},
		{"kid forgotten", secret, by([]byte("another-secret-of-32-characters!"), `{"alg":"HS256"}`), `the JWKS key with kid "oct" made this signature`},
		{"secret decoded", coded, by(decoded, `{"alg":"HS256"}`), "the base64-decoded form of the secret made this signature"},
		{"a stranger's", secret, by([]byte("nobody-knows-this-one"), `{"alg":"HS256"}`), ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			tenant := tenantWith(t, c.secret, testJWKS(t), "")
			tenant.env.known = []KnownSecret{{"METRICS_JWT_SECRET", ""}, {"API_JWT_SECRET", postgres.Secret(api)}}
			_, err := tenant.Verify(c.token, now)
			f := codes.Of(err)
			if f.Code != codes.JwtSignatureError || f.Text != badSig {
				t.Fatalf("got %s %q", f.Code, f.Text)
			}
			cause := f.Unwrap().Error()
			if c.want == "" && strings.Contains(cause, "made this signature") || !strings.Contains(cause, c.want) {
				t.Errorf("got cause %q, want %q", cause, c.want)
			}
			for _, hidden := range []string{api, c.secret, string(decoded)} {
				if strings.Contains(cause, hidden) {
					t.Error("the cause holds a secret")
				}
			}
		})
	}
}
