package tenancy

import (
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"realtime/protocol/codes"
)

// Verify never panics, and accepts nothing that it would not accept again.
func FuzzVerify(f *testing.F) {
	s := signers()
	f.Add(hs(f, good))
	f.Add(percent(hs(f, good)))
	f.Add(signRaw(f, jwt.SigningMethodES256, s.p256, `{"alg":"ES256","kid":"p256"}`, good))
	f.Add(signRaw(f, jwt.SigningMethodEdDSA, s.ed, `{"alg":"EdDSA","kid":"ed"}`, good))
	f.Add("..")
	f.Add("e30.e30.e30")
	f.Add("%%%")
	tenant := tenantWith(f, secret, testJWKS(f), `{"iss":"x"}`)
	f.Fuzz(func(t *testing.T, token string) {
		c, err := tenant.Verify(token, now)
		if err != nil {
			if c != nil {
				t.Error("claims with an error")
			}
			if _, text := ConnectAnswer(err); text == "" {
				t.Error("a refusal without a text")
			}
			return
		}
		if !c.Expires.After(now.Add(-time.Second)) {
			t.Errorf("expired at %v", c.Expires)
		}
		if again, err := tenant.Verify(token, now); err != nil || *again != *c {
			t.Errorf("the second time %+v, %v", again, err)
		}
	})
}

// A key set is an operator's text: whatever it is, it neither panics nor becomes a key that verifies nothing of its own.
func FuzzJWKS(f *testing.F) {
	s := signers()
	f.Add(testJWKS(f))
	f.Add([]byte(`{"keys":[{"kty":"RSA","kid":"rsa","n":"","e":""}]}`))
	f.Add([]byte(`{"keys":[{"kty":"EC","kid":"p256","crv":"P-256","x":"AA","y":"AA"}]}`))
	f.Add([]byte(`{"keys":null}`))
	tokens := []string{
		signRaw(f, jwt.SigningMethodRS256, s.rsa, `{"alg":"RS256","kid":"rsa"}`, good),
		signRaw(f, jwt.SigningMethodES256, s.p256, `{"alg":"ES256","kid":"p256"}`, good),
		signRaw(f, jwt.SigningMethodEdDSA, s.ed, `{"alg":"EdDSA","kid":"ed"}`, good),
		signRaw(f, jwt.SigningMethodHS256, []byte("x"), `{"alg":"HS256","kid":"oct"}`, good),
	}
	f.Fuzz(func(t *testing.T, jwks []byte) {
		tenant := tenantWith(t, "", jwks, "")
		for _, token := range tokens {
			if _, err := tenant.Verify(token, now); err != nil && codes.Of(err).Code == codes.UnknownError {
				t.Errorf("unexpected error: %v", err)
			}
		}
	})
}
