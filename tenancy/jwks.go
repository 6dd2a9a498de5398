package tenancy

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/MicahParks/jwkset"
	"github.com/golang-jwt/jwt/v5"
)

// keys are what a tenant's tokens are verified with: the JWT secret, and the JWKS if it has one. Immutable.
type keys struct {
	secret      []byte // nil if the tenant has none, or secretErr says why it cannot be read
	secretErr   error
	fingerprint string
	set         []jwk
	hasSet      bool // the stored JWKS is an object with a list of keys, if only an empty one
}

// jwk is one key of a JWKS, of which upstream looks at nothing but these fields: `alg`, `use` and `key_ops` are ignored.
type jwk struct {
	kty, kid, crv string
	k             string // oct: base64url
	hasK          bool
	key           any // *rsa.PublicKey, *ecdsa.PublicKey or ed25519.PublicKey
	err           error
}

// errNoSigner is why no key fits a token's header.
var errNoSigner = errors.New("no key fits the token's header")

// newKeys makes the keys of a row. cipher may be nil if the secret is given in clear.
func newKeys(secret string, secretErr error, jwks []byte) *keys {
	k := &keys{secretErr: secretErr}
	if secret != "" {
		k.secret = []byte(secret)
		k.fingerprint = Fingerprint(secret)
	}
	var stored struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if len(jwks) == 0 || json.Unmarshal(jwks, &stored) != nil || stored.Keys == nil {
		return k
	}
	k.hasSet = true
	for _, raw := range stored.Keys {
		k.set = append(k.set, parseJWK(raw))
	}
	return k
}

// parseJWK reads one key. A key that cannot be used stays in the list, because it still shadows later ones of the same kid.
func parseJWK(raw []byte) jwk {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(raw, &fields); err != nil {
		return jwk{err: errors.New("the key is not an object")}
	}
	text := func(name string) string {
		var s string
		if json.Unmarshal(fields[name], &s) != nil {
			return ""
		}
		return s
	}
	j := jwk{kty: text("kty"), kid: text("kid"), crv: text("crv")}
	switch j.kty {
	case "oct":
		var k *string
		j.hasK = json.Unmarshal(fields["k"], &k) == nil && k != nil
		j.k = text("k")
	case "RSA", "EC", "OKP":
		j.key, j.err = publicKey(jwkset.JWKMarshal{
			KTY: jwkset.KTY(j.kty), CRV: jwkset.CRV(j.crv),
			X: text("x"), Y: text("y"), N: text("n"), E: text("e"),
		})
	}
	return j
}

// maxRSABits bounds what verifying one token may cost.
const maxRSABits = 16384

// publicKey turns the parameters into a key that is safe to verify with.
func publicKey(m jwkset.JWKMarshal) (any, error) {
	parsed, err := jwkset.NewJWKFromMarshal(m, jwkset.JWKMarshalOptions{}, jwkset.JWKValidateOptions{SkipAll: true})
	if err != nil {
		return nil, fmt.Errorf("read key: %w", err)
	}
	switch key := parsed.Key().(type) {
	case *rsa.PublicKey:
		if n := key.N.BitLen(); n < 1024 || n > maxRSABits || key.E < 2 {
			return nil, errors.New("read key: RSA modulus of a size that is not safe, or exponent too small")
		}
		return key, nil
	case *ecdsa.PublicKey:
		if _, err := key.ECDH(); err != nil { // the point must lie on the curve
			return nil, fmt.Errorf("read key: %w", err)
		}
		return key, nil
	case ed25519.PublicKey:
		return key, nil
	}
	return nil, errors.New("read key: not a signing key")
}

// pick is the key for one token, and where it comes from.
type pick struct {
	method jwt.SigningMethod
	key    any
	source string // "jwt_secret", or "JWKS" with the key's kid
	byKid  bool   // the key was sought by the token's kid
	secret string // fingerprint of the secret, if the key is one
}

// choose finds the key for a token's header. Symmetric algorithms take the oct key of the same kid, or else the JWT secret;
// asymmetric ones take the first key of the right type with the same kid, and never verify without. An error means that there
// is no signer; p.byKid then says whether the answer names the kid.
func (k *keys) choose(alg, kid string, hasKid bool) (p pick, err error) {
	p.byKid = hasKid && k.hasSet
	switch alg {
	case "HS256", "HS384", "HS512":
		p.method = jwt.GetSigningMethod(alg)
		return p, k.chooseSymmetric(&p, kid)
	case "RS256", "RS384", "RS512":
		p.method = jwt.GetSigningMethod(alg)
		return p, k.chooseAsymmetric(&p, kid, "RSA")
	case "ES256", "ES384", "ES512":
		p.method = jwt.GetSigningMethod(alg)
		return p, k.chooseAsymmetric(&p, kid, "EC")
	case "EdDSA", "Ed25519", "Ed448":
		p.method = jwt.SigningMethodEdDSA
		return p, k.chooseAsymmetric(&p, kid, "OKP")
	}
	p.byKid = false
	return p, fmt.Errorf("%w: the algorithm is not supported", errNoSigner)
}

func (k *keys) chooseSymmetric(p *pick, kid string) error {
	if p.byKid {
		for _, j := range k.set {
			if j.kty != "oct" || j.kid != kid || !j.hasK {
				continue
			}
			p.source = "JWKS"
			secret, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(j.k, "="))
			if err != nil || len(secret) == 0 {
				return fmt.Errorf("%w: k of the oct key is empty or not base64url", errNoSigner)
			}
			p.key, p.secret = secret, Fingerprint(string(secret))
			return nil
		}
	}
	p.source = "jwt_secret"
	if k.secretErr != nil {
		return fmt.Errorf("read jwt_secret: %w", k.secretErr)
	}
	if k.secret == nil {
		return fmt.Errorf("%w: the tenant has no jwt_secret", errNoSigner)
	}
	p.key, p.secret = k.secret, k.fingerprint
	return nil
}

func (k *keys) chooseAsymmetric(p *pick, kid, kty string) error {
	p.source = "JWKS"
	switch {
	case !k.hasSet:
		return fmt.Errorf("%w: the tenant has no jwt_jwks", errNoSigner)
	case !p.byKid:
		return fmt.Errorf("%w: an asymmetric token needs a kid", errNoSigner)
	}
	for _, j := range k.set {
		if j.kty != kty || j.kid != kid || kty == "OKP" && j.crv != "Ed25519" && j.crv != "Ed448" {
			continue
		}
		if j.err != nil {
			return fmt.Errorf("%w: the key of this kid is unusable: %w", errNoSigner, j.err)
		}
		p.key = j.key
		return nil
	}
	return fmt.Errorf("%w: no %s key has this kid", errNoSigner, kty)
}
