package tenancy

import (
	"crypto/sha256"
	"sync"
	"time"
)

// mostProven bounds what is remembered, some 2 KB each. A key that all clients share is one; of users' own tokens as many as came last,
// so that the topics of a socket find what its first one had verified.
const mostProven = 1024

// longestProven is how long a token may be to be remembered, in bytes.
const longestProven = 4 << 10

// proof is a token under a tenant's row, whose keys it was verified with. Another row of the same tenant proves nothing.
type proof struct {
	tenant *Tenant
	sum    [sha256.Size]byte
}

func proofOf(t *Tenant, token string) proof { return proof{t, sha256.Sum256([]byte(token))} }

// proven remembers the claims of tokens that were found right. The zero value is ready; safe for concurrent use.
type proven struct {
	mu     sync.Mutex
	claims map[proof]*Claims
}

// find returns the claims of a token that is still in its time, or nil. Nothing else about a token depends on the time.
func (p *proven) find(of proof, now time.Time) *Claims {
	p.mu.Lock()
	defer p.mu.Unlock()
	c, ok := p.claims[of]
	switch {
	case !ok:
		return nil
	case !now.Before(c.Expires):
		delete(p.claims, of)
		return nil
	}
	return c
}

// keep remembers claims. Where there is no room, any other token is forgotten: it is verified again when it comes.
func (p *proven) keep(of proof, c *Claims) {
	if len(c.Token) > longestProven {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.claims == nil {
		p.claims = map[proof]*Claims{}
	}
	for other := range p.claims {
		if len(p.claims) < mostProven {
			break
		}
		delete(p.claims, other)
	}
	p.claims[of] = c
}
