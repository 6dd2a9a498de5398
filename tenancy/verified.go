package tenancy

import (
	"crypto/sha256"
	"sync"
	"time"
)

// mostVerified bounds what is remembered, some 2 KB each. A key that all clients share is one; of users' own tokens as many as came last,
// so that the topics of a socket find what its first one had verified.
const mostVerified = 1024

// longestVerified is how long a token may be to be remembered, in bytes.
const longestVerified = 4 << 10

// tokenKey is a token under a tenant's row, whose keys it was verified with. Another row of the same tenant proves nothing.
type tokenKey struct {
	tenant *Tenant
	sum    [sha256.Size]byte
}

func keyOf(t *Tenant, token string) tokenKey { return tokenKey{t, sha256.Sum256([]byte(token))} }

// verified remembers the claims of tokens that were found right. The zero value is ready; safe for concurrent use.
type verified struct {
	mu     sync.Mutex
	claims map[tokenKey]*Claims
}

// find returns the claims of a token that is still in its time, or nil. Nothing else about a token depends on the time.
func (v *verified) find(key tokenKey, now time.Time) *Claims {
	v.mu.Lock()
	defer v.mu.Unlock()
	c, ok := v.claims[key]
	switch {
	case !ok:
		return nil
	case !now.Before(c.Expires):
		delete(v.claims, key)
		return nil
	}
	return c
}

// keep remembers claims. Where there is no room, any other token is forgotten: it is verified again when it comes.
func (v *verified) keep(key tokenKey, c *Claims) {
	if len(c.Token) > longestVerified {
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.claims == nil {
		v.claims = map[tokenKey]*Claims{}
	}
	for other := range v.claims {
		if len(v.claims) < mostVerified {
			break
		}
		delete(v.claims, other)
	}
	v.claims[key] = c
}
