package tenancy

import (
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"

	"realtime/protocol/codes"
)

// Which key verifies: by algorithm, kid and key set.
func TestTokenKeys(t *testing.T) {
	s := signers()
	other := []byte("another-secret-of-32-characters!")
	sign := func(alg string, key any, kid string) string {
		header := `{"alg":"` + alg + `","typ":"JWT","kid":"` + kid + `"}`
		if kid == "" {
			header = `{"alg":"` + alg + `"}`
		}
		return signRaw(t, method(alg), key, header, good)
	}
	hmac := []byte(secret)
	ok := verdict{}
	noKid := func(cause string) verdict { return verdict{codes.JwtSignerError, signerText, cause} }
	kid := func(k, cause string) verdict {
		return verdict{codes.JwtSignerError, strings.Replace(kidText, "%", k, 1), cause}
	}
	mismatch := func(cause string) verdict { return verdict{codes.JwtSignatureError, badSig, cause} }
	checkTokens(t, tenantWith(t, secret, testJWKS(t), ""), []tokenCase{
		{"HS256", sign("HS256", hmac, ""), ok},
		{"HS384", sign("HS384", hmac, ""), ok},
		{"HS512", sign("HS512", hmac, ""), ok},
		{"HS256 with the secret decoded from base64", sign("HS256", []byte("decoded"), ""), mismatch("key source jwt_secret")},
		{"HS256 of another secret names the fingerprint", sign("HS256", other, ""), mismatch("secret fingerprint " + Fingerprint(secret))},
		{"HS256 with a kid nobody knows uses the secret", sign("HS256", hmac, "nobody"), ok},
		{"HS256 with the kid of an oct key", sign("HS256", other, "oct"), ok},
		{"HS512 with the kid of an oct key", sign("HS512", other, "oct"), ok},
		{"HS256 with the kid of a padded oct key", sign("HS256", other, "oct-padded"), ok},
		{"HS256 with the kid of an oct key does not use the secret", sign("HS256", hmac, "oct"), mismatch(`kid "oct", key source JWKS`)},
		{"HS256, oct key not base64url", sign("HS256", hmac, "oct-bad"), kid("oct-bad", "not base64url")},
		{"HS256, oct key empty", sign("HS256", hmac, "oct-empty"), kid("oct-empty", "empty")},
		{"HS256, oct key without k", sign("HS256", hmac, "oct-no-k"), ok},
		{"HS256, k of an oct key a number", sign("HS256", hmac, "oct-number-k"), ok},
		{"HS256 with the kid of an RSA key uses the secret", sign("HS256", hmac, "rsa"), ok},
		{"HS256 with the RSA key's modulus as secret", sign("HS256", s.rsa.N.Bytes(), "rsa"), mismatch("jwt_secret")},
		{"RS256", sign("RS256", s.rsa, "rsa"), ok},
		{"RS384", sign("RS384", s.rsa, "rsa"), ok},
		{"RS512", sign("RS512", s.rsa, "rsa"), ok},
		{"RS256, the key's alg, use and certificates are ignored", sign("RS256", s.rsa, "rsa-with-junk"), ok},
		{"RS256 without kid", sign("RS256", s.rsa, ""), noKid("needs a kid")},
		{"RS256 with a kid nobody knows", sign("RS256", s.rsa, "nobody"), kid("nobody", "no RSA key")},
		{"RS256 with the kid of an EC key", sign("RS256", s.rsa, "p256"), kid("p256", "no RSA key")},
		{"RS256, the first key of the kid counts", sign("RS256", s.rsa, "rsa-broken"), kid("rsa-broken", "not safe")},
		{"PS256", sign("PS256", s.rsa, "rsa"), noKid("not supported")},
		{"ES256", sign("ES256", s.p256, "p256"), ok},
		{"ES384", sign("ES384", s.p384, "p384"), ok},
		{"ES512", sign("ES512", s.p521, "p521"), ok},
		{"ES256, the stored key has a private half", sign("ES256", s.p256, "ec-with-private-half"), ok},
		{"ES256 with a key off the curve", sign("ES256", s.p256, "off-curve"), kid("off-curve", "unusable")},
		{"ES256 with the kid of a P-384 key", sign("ES256", s.p256, "p384"), mismatch("JWKS")},
		{"ES256 without kid", sign("ES256", s.p256, ""), noKid("needs a kid")},
		{"EdDSA", sign("EdDSA", s.ed, "ed"), ok},
		{"Ed25519", sign("Ed25519", s.ed, "ed"), ok},
		{"EdDSA with an Ed448 key", sign("EdDSA", s.ed, "ed448"), kid("ed448", "Ed448")},
		{"EdDSA with an X25519 key", sign("EdDSA", s.ed, "x25519"), kid("x25519", "no OKP key")},
		{"none", signRaw(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, `{"alg":"none"}`, good), noKid("not supported")},
		{"alg in lower case", signRaw(t, jwt.SigningMethodHS256, hmac, `{"alg":"hs256"}`, good), noKid("not supported")},
		{"alg missing", signRaw(t, jwt.SigningMethodHS256, hmac, `{}`, good), noKid(`alg ""`)},
		{"alg a number", signRaw(t, jwt.SigningMethodHS256, hmac, `{"alg":5}`, good), noKid("not supported")},
		{"kid a number", signRaw(t, jwt.SigningMethodHS256, hmac, `{"alg":"HS256","kid":5}`, good), ok},
	})
}

func TestTokenWithoutJWKS(t *testing.T) {
	s := signers()
	rs := signRaw(t, jwt.SigningMethodRS256, s.rsa, `{"alg":"RS256","kid":"rsa"}`, good)
	cases := []tokenCase{
		{"HS256 with a kid", signRaw(t, jwt.SigningMethodHS256, []byte(secret), `{"alg":"HS256","kid":"x"}`, good), verdict{}},
		{"RS256 with a kid", rs, verdict{codes.JwtSignerError, signerText, "no jwt_jwks"}},
	}
	checkTokens(t, tenantWith(t, secret, nil, ""), cases)
	checkTokens(t, tenantWith(t, secret, []byte(`{"keys":5}`), ""), cases)
	checkTokens(t, tenantWith(t, secret, []byte(`{"other":[]}`), ""), cases)
}

// Tenants without a secret are allowed by the schema; here they work.
func TestTokenOfTenantWithJWKSOnly(t *testing.T) {
	s := signers()
	tenant := tenantWith(t, "", testJWKS(t), "")
	checkTokens(t, tenant, []tokenCase{
		{"ES256", signRaw(t, jwt.SigningMethodES256, s.p256, `{"alg":"ES256","kid":"p256"}`, good), verdict{}},
		{"oct key", signRaw(t, jwt.SigningMethodHS256, []byte("another-secret-of-32-characters!"), `{"alg":"HS256","kid":"oct"}`, good), verdict{}},
		{"HS256 with an empty secret", signRaw(t, jwt.SigningMethodHS256, []byte{}, `{"alg":"HS256"}`, good), verdict{codes.JwtSignerError, signerText, "no jwt_secret"}},
		{
			"HS256 with a kid", signRaw(t, jwt.SigningMethodHS256, []byte(secret), `{"alg":"HS256","kid":"k"}`, good),
			verdict{codes.JwtSignerError, strings.Replace(kidText, "%", "k", 1), "no jwt_secret"},
		},
	})
	if err := tenant.Check(); err != nil {
		t.Error(err)
	}
	if tenant.Fingerprint() != "" {
		t.Errorf("fingerprint is %q", tenant.Fingerprint())
	}
	if _, err := tenant.Sign(map[string]any{}); err == nil {
		t.Error("signed without a secret")
	}
}
