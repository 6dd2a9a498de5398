package tenancy

import (
	"encoding/base64"
	"fmt"
	"strings"

	"realtime/postgres"
)

// KnownSecret is a secret of the environment that is not a tenant's. A token whose signature does not match is tried
// with each of them, never to accept it, only to say in the log what the mistake was.
type KnownSecret struct {
	Name   string // the variable that holds it
	Secret postgres.Secret
}

// guess says what the operator probably mixed up when a token signed with a shared secret does not verify: nothing
// ("") if no other known secret made the signature. k are the tenant's own keys.
func guess(p *parts, used *pick, k *keys, known []KnownSecret) string {
	if strings.HasPrefix(used.method.Alg(), "HS") {
		signs := func(secret []byte) bool {
			return len(secret) > 0 && used.method.Verify(p.signed, p.signature, secret) == nil
		}
		if used.source == "JWKS" && signs(k.secret) {
			return "the tenant's jwt_secret made this signature: the token's kid names another key; leave the kid out, or sign with that key"
		}
		if secret, ok := used.key.([]byte); ok {
			if decoded, err := decodeAnyBase64(string(secret)); err == nil && signs(decoded) {
				return "the base64-decoded form of the secret made this signature: the server takes the secret's characters as they are; sign with those"
			}
		}
		for _, s := range known {
			if signs([]byte(s.Secret.Reveal())) {
				return fmt.Sprintf("the secret in %s (fingerprint %s) made this signature, and the tenant's row holds another one: sign with the tenant's, "+
					"or write that secret to the row (PUT /api/tenants/<id>, or SEED_SELF_HOST=true and a restart for the self-host tenant)",
					s.Name, Fingerprint(s.Secret.Reveal()))
			}
		}
		for _, j := range k.set {
			if secret, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(j.k, "=")); err == nil && j.kty == "oct" && signs(secret) {
				return fmt.Sprintf("the JWKS key with kid %q made this signature: put that kid into the token's header", cut(j.kid))
			}
		}
	}
	return ""
}

// decodeAnyBase64 reads either alphabet, padded or not: secrets are copied from everywhere.
func decodeAnyBase64(s string) ([]byte, error) {
	s = strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(s, "="))
	return base64.RawStdEncoding.DecodeString(s)
}
