package tenancy

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// now is the time of all tokens in tests.
var now = time.Unix(1_800_000_000, 0)

// signers are one private key per type, made once: RSA keys are slow to make.
var signers = sync.OnceValue(func() (s struct {
	rsa        *rsa.PrivateKey
	p256, p384 *ecdsa.PrivateKey
	p521       *ecdsa.PrivateKey
	ed         ed25519.PrivateKey
},
) {
	var errs [5]error
	s.rsa, errs[0] = rsa.GenerateKey(rand.Reader, 2048)
	s.p256, errs[1] = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	s.p384, errs[2] = ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	s.p521, errs[3] = ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	_, s.ed, errs[4] = ed25519.GenerateKey(rand.Reader)
	for _, err := range errs {
		if err != nil {
			panic(err)
		}
	}
	return s
})

// method is what signs in tests what the header calls alg.
func method(alg string) jwt.SigningMethod {
	if alg == "Ed25519" {
		return jwt.SigningMethodEdDSA
	}
	return jwt.GetSigningMethod(alg)
}

// signRaw signs header and payload as they are, whatever they are.
func signRaw(t testing.TB, m jwt.SigningMethod, key any, header, payload string) string {
	t.Helper()
	signed := b64([]byte(header)) + "." + b64([]byte(payload))
	sig, err := m.Sign(signed, key)
	if err != nil {
		t.Fatal(err)
	}
	return signed + "." + b64(sig)
}

// hs signs a payload with the test secret.
func hs(t testing.TB, payload string) string {
	t.Helper()
	return signRaw(t, jwt.SigningMethodHS256, []byte(secret), `{"alg":"HS256","typ":"JWT"}`, payload)
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// publicJWK is the JWK of a signer's public half.
func publicJWK(t testing.TB, kid string, key any) map[string]any {
	t.Helper()
	switch k := key.(type) {
	case *rsa.PrivateKey:
		e := []byte{1, 0, 1}
		return map[string]any{"kty": "RSA", "kid": kid, "n": b64(k.N.Bytes()), "e": b64(e)}
	case *ecdsa.PrivateKey:
		point, err := k.PublicKey.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		half := (len(point) - 1) / 2
		return map[string]any{"kty": "EC", "kid": kid, "crv": k.Params().Name, "x": b64(point[1 : 1+half]), "y": b64(point[1+half:])}
	case ed25519.PrivateKey:
		return map[string]any{"kty": "OKP", "kid": kid, "crv": "Ed25519", "x": b64(k.Public().(ed25519.PublicKey))}
	}
	t.Fatalf("no JWK for %T", key)
	return nil
}

// testJWKS holds a key of every kind, and what can be wrong with one.
func testJWKS(t testing.TB) []byte {
	t.Helper()
	s := signers()
	withAlg := publicJWK(t, "rsa-with-junk", s.rsa)
	withAlg["alg"], withAlg["use"], withAlg["key_ops"], withAlg["x5c"] = "RSA-OAEP", "enc", 7, []any{"not a certificate"}
	private := publicJWK(t, "ec-with-private-half", s.p256)
	d, err := s.p256.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	private["d"] = b64(d)
	offCurve := publicJWK(t, "off-curve", s.p256)
	offCurve["y"] = offCurve["x"]
	b, err := json.Marshal(map[string]any{"keys": []any{
		map[string]any{"kty": "oct", "kid": "oct", "k": b64([]byte("another-secret-of-32-characters!"))},
		map[string]any{"kty": "oct", "kid": "oct-padded", "k": base64.URLEncoding.EncodeToString([]byte("another-secret-of-32-characters!"))},
		map[string]any{"kty": "oct", "kid": "oct-bad", "k": "*not base64url*"},
		map[string]any{"kty": "oct", "kid": "oct-empty", "k": ""},
		map[string]any{"kty": "oct", "kid": "oct-no-k"},
		map[string]any{"kty": "oct", "kid": "oct-number-k", "k": 5},
		publicJWK(t, "rsa", s.rsa), withAlg, private, offCurve,
		map[string]any{"kty": "RSA", "kid": "rsa-broken", "n": "AQAB", "e": "AQAB"},
		publicJWK(t, "rsa-broken", s.rsa),
		publicJWK(t, "p256", s.p256), publicJWK(t, "p384", s.p384), publicJWK(t, "p521", s.p521),
		publicJWK(t, "ed", s.ed),
		map[string]any{"kty": "OKP", "kid": "ed448", "crv": "Ed448", "x": b64(make([]byte, 57))},
		map[string]any{"kty": "OKP", "kid": "x25519", "crv": "X25519", "x": b64(make([]byte, 32))},
		"not an object", nil,
	}})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// tenantWith is a tenant that was never in a database.
func tenantWith(t testing.TB, jwtSecret string, jwks []byte, validators string) *Tenant {
	t.Helper()
	v, err := ParseValidators(validators)
	if err != nil {
		t.Fatal(err)
	}
	c := newCipher(t, ecbKey, "", false)
	tenant := &Tenant{ExternalID: "acme", JWKS: jwks}
	if jwtSecret != "" {
		tenant.secret = c.Encrypt(jwtSecret)
	}
	tenant.finish(&environment{cipher: c, defaults: DefaultLimits(), validators: v})
	return tenant
}

// percent encodes every byte of a token, as a careless client does.
func percent(s string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		b.WriteByte('%')
		b.WriteByte("0123456789ABCDEF"[c>>4])
		b.WriteByte("0123456789ABCDEF"[c&15])
	}
	return b.String()
}
