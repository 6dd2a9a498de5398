package actors

import (
	"context"

	"realtime/postgres/authz"
	"realtime/tenancy"
)

// Caller is whom a request acts for.
type Caller struct {
	Claims  *tenancy.Claims   // of its token, verified
	Headers map[string]string // of its request, names in lower case; visible to policies
}

// Authorize asks the tenant's policies what a caller may do on a private topic, given without the prefix "realtime:". wants is what it
// is about to do: a remembered answer that allows none of it is asked for again. It blocks while the database is asked. An error is a *codes.Fault: the database could not be asked, or the node is draining; it denies. What a
// policy did wrong is in the grants: [authz.Grants.Err]. Any goroutine outside the tree may call it.
func (s *System) Authorize(ctx context.Context, t *tenancy.Tenant, who Caller, topic string, wants ...authz.Decision) (*authz.Grants, error) {
	a, err := s.attach(t)
	if err != nil {
		return nil, err
	}
	r := who.request(topic)
	r.Wants = wants
	return a.db.check(ctx, r)
}

// Explain says why a caller may not do some things, for logs: see [authz.Grants.Explain].
func (w Caller) Explain(g *authz.Grants, topic string, of ...authz.Decision) string {
	return g.Explain(w.request(topic), of...)
}

func (w Caller) request(topic string) *authz.Request {
	return &authz.Request{Topic: topic, Role: w.Claims.Role, Subject: w.Claims.Subject, Claims: w.Claims.Raw, Headers: w.Headers}
}
