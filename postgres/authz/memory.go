package authz

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// find looks a request up. What it finds grants something the request wants. The key is of what is known of the policies now.
func (c *Cache) find(r *Request) (key, *Grants) {
	c.mu.Lock()
	defer c.mu.Unlock()
	k := c.keyOf(r)
	e, ok := c.entries[k]
	if now := time.Now(); !ok || now.After(e.until) || now.Sub(c.looked) > lookLeast || !r.wanted(e.grants) {
		return k, nil
	}
	c.unlink(e)
	c.link(e)
	return k, e.grants
}

// keyOf leaves the headers out when no policy looks at them.
func (c *Cache) keyOf(r *Request) key {
	if c.plain {
		return keyOf(r, nil)
	}
	return keyOf(r, r.headers())
}

// keep notes what is new about the policies, and a request's answer if nothing went wrong.
func (c *Cache) keep(r *Request, g *Grants, cat *catalog) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	if cat != nil {
		c.note(cat)
		if len(c.roles) < maxRoles {
			c.roles[r.Role] = cat
		}
	}
	k := c.keyOf(r)
	if old, ok := c.entries[k]; ok {
		c.drop(old)
	}
	if cat == nil || cat.print != c.print || g.Err(All()...) != nil || !slices.ContainsFunc(All(), g.May) {
		return
	}
	e := &entry{key: k, grants: g, until: now.Add(keepRows)}
	if cat.plain {
		e.until = now.Add(keepPlain)
	}
	c.entries[k] = e
	c.link(e)
	if len(c.entries) > maxEntries {
		c.drop(c.newest.prev)
	}
}

// known is what was lately seen of the policies, for a role, nil if that is too long ago. A question that is asked after it was seen is
// answered by these policies or newer ones.
func (c *Cache) known(role string) *catalog {
	c.mu.Lock()
	defer c.mu.Unlock()
	if cat := c.roles[role]; cat != nil && cat.print == c.print && time.Since(cat.at) < lookLeast {
		return cat
	}
	return nil
}

// note takes in what the policies are, if that is news.
func (c *Cache) note(cat *catalog) {
	if !cat.at.After(c.looked) {
		return
	}
	if c.print != cat.print || c.plain != cat.plain {
		c.clear()
	}
	c.print, c.plain, c.looked = cat.print, cat.plain, cat.at
}

// Look reads what the policies are and names them: whose grants have another name ([Grants.Policies]) should ask again. An error is
// a *codes.Fault and changes nothing.
func (c *Cache) Look(ctx context.Context) (policies string, err error) {
	pool, err := c.open(ctx)
	if err != nil {
		return "", outage(err)
	}
	cat := catalog{at: time.Now()}
	if err := pool.QueryRow(ctx, catalogSQL, "").Scan(&cat.print, &cat.plain, &cat.read, &cat.write); err != nil {
		return "", outage(fmt.Errorf("look at the policies of realtime.messages: %w", err))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.note(&cat)
	return cat.print, nil
}

// Forget drops the answer to one request.
func (c *Cache) Forget(r *Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e, ok := c.entries[c.keyOf(r)]; ok {
		c.drop(e)
	}
}

// ForgetAll drops every answer.
func (c *Cache) ForgetAll() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.clear()
}

func (c *Cache) clear() {
	c.entries, c.roles = map[key]*entry{}, map[string]*catalog{}
	c.newest.prev, c.newest.next = &c.newest, &c.newest
}

func (c *Cache) link(e *entry) {
	e.prev, e.next = &c.newest, c.newest.next
	e.prev.next, e.next.prev = e, e
}

func (c *Cache) unlink(e *entry) { e.prev.next, e.next.prev = e.next, e.prev }

func (c *Cache) drop(e *entry) {
	c.unlink(e)
	delete(c.entries, e.key)
}
