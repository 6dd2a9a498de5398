package web

import (
	"context"
	"net/http"
	"time"

	"realtime/actors"
	"realtime/postgres/authz"
	"realtime/protocol/codes"
	"realtime/tenancy"
)

// policyTimeout bounds what a request waits for policies.
const policyTimeout = 20 * time.Second

// policyAnswers is what the single route says when policies cannot be asked, by code: the texts of upstream.
var policyAnswers = map[codes.Code]struct {
	status int
	text   string
}{
	codes.RlsPolicyError:                     {http.StatusUnprocessableEntity, "RLS policy error"},
	codes.QueryCanceled:                      {http.StatusUnprocessableEntity, "Query canceled"},
	codes.MissingPartition:                   {http.StatusUnprocessableEntity, "Missing messages partition"},
	codes.IncreaseConnectionPool:             {http.StatusTooManyRequests, "Connection pool exhausted"},
	codes.UnableToConnectToProject:           {http.StatusUnprocessableEntity, "Tenant database unavailable"},
	codes.InitializingProjectConnection:      {http.StatusUnprocessableEntity, "Tenant database initializing"},
	codes.DatabaseLackOfConnections:          {http.StatusUnprocessableEntity, "Tenant database has too many connections"},
	codes.DatabaseConnectionRateLimitReached: {http.StatusUnprocessableEntity, "Connect rate limit reached"},
	codes.RealtimeRestarting:                 {http.StatusServiceUnavailable, "Realtime is restarting, please standby"},
}

// mayWrite asks the tenant's policies whether the caller may write to a private topic. A *codes.Fault is why they could not be
// asked; it denies.
func (s *Server) mayWrite(ctx context.Context, t *tenancy.Tenant, who actors.Caller, topic string, also ...authz.Decision) (*authz.Grants, error) {
	ctx, cancel := context.WithTimeout(ctx, policyTimeout)
	defer cancel()
	g, err := s.o.System.Authorize(ctx, t, who, topic, append(also, authz.WriteBroadcast)...)
	if err != nil {
		return nil, err
	}
	if f := g.Err(authz.WriteBroadcast); f != nil {
		return nil, f
	}
	if !g.May(authz.WriteBroadcast) {
		return nil, codes.New(codes.Unauthorized, "%s", who.Explain(g, topic, authz.WriteBroadcast))
	}
	return g, nil
}

// denied answers a message for a private topic that is not sent.
func (s *Server) denied(w http.ResponseWriter, r *http.Request, t *tenancy.Tenant, err error) {
	f := codes.Of(err)
	s.log.Log(r.Context(), f.Code.Entry().Level, "private broadcast refused", "code", string(f.Code), "err", err, "tenant", t.ExternalID, "topic", r.PathValue("topic"))
	if f.Code == codes.Unauthorized {
		message(w, http.StatusForbidden, "Unauthorized")
		return
	}
	a, ok := policyAnswers[f.Code]
	if !ok {
		a.status, a.text = http.StatusInternalServerError, "Unable to authorize broadcast"
	}
	message(w, a.status, a.text)
}

// allowed are the messages of a batch that the caller may send: all public ones, and those for private topics that its policies
// let it write to. Each topic is asked about once.
func (s *Server) allowed(ctx context.Context, t *tenancy.Tenant, who actors.Caller, batch []actors.Publication) []actors.Publication {
	may := map[string]bool{}
	sent := batch[:0]
	for _, p := range batch {
		if p.Private {
			ok, known := may[p.Topic]
			if !known {
				_, err := s.mayWrite(ctx, t, who, p.Topic)
				if ok = err == nil; !ok {
					f := codes.Of(err)
					s.log.Log(ctx, f.Code.Entry().Level, "messages of a batch skipped", "code", string(f.Code), "err", err, "tenant", t.ExternalID, "topic", p.Topic)
				}
				may[p.Topic] = ok
			}
			if !ok {
				continue
			}
		}
		sent = append(sent, p)
	}
	return sent
}
