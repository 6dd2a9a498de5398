package web

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"realtime/protocol"
	"realtime/protocol/codes"
	"realtime/tenancy"
)

// tenantHandler serves a request whose tenant is known and within its request rate.
type tenantHandler func(w http.ResponseWriter, r *http.Request, t *tenancy.Tenant)

// accepts refuses a client that would take neither JSON nor one of the other types.
func (s *Server) accepts(next http.Handler, others ...string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if accept := strings.Join(r.Header["Accept"], ","); !acceptsJSON(accept) && !slices.ContainsFunc(others, func(kind string) bool {
			k, sub, _ := strings.Cut(kind, "/")
			return quality(accept, k, sub) > 0
		}) {
			s.statusError(w, r, http.StatusNotAcceptable)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// tenant finds the request's tenant and counts the request.
func (s *Server) tenant(next tenantHandler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), lookupTimeout)
		defer cancel()
		t, err := s.o.Resolver.Resolve(ctx, r.Host, r.Header)
		if err != nil {
			s.noTenant(w, r, err)
			return
		}
		limit := t.Limits.EventsPerSecond // upstream compares the rate of requests with that of events
		meter := s.o.System.Requests(t)
		meter.Add(1)
		rolling := int(meter.Average())
		h := w.Header()
		h.Set("X-Rate-Rolling", strconv.Itoa(rolling))
		h.Set("X-Rate-Limit", strconv.Itoa(limit))
		h.Set("X-Rate-Limit-Remaining", strconv.Itoa(limit-rolling))
		if rolling >= limit {
			tooMany(w, "Too many requests", &protocol.Limit{
				Name: "max_events_per_second (requests)", Limit: float64(limit), Value: meter.Average(), Window: meter.Window(), Reset: meter.Reset(),
			})
			return
		}
		next(w, r, t)
	})
}

func (s *Server) noTenant(w http.ResponseWriter, r *http.Request, err error) {
	f := codes.Of(err)
	if f.Code != codes.TenantNotFound {
		s.log.Error("tenant look-up failed", "code", string(f.Code), "err", err)
		s.statusError(w, r, http.StatusInternalServerError)
		return
	}
	s.log.Log(r.Context(), f.Code.Entry().Level, "tenant not found", "code", string(f.Code), "err", f.Error())
	message(w, http.StatusUnauthorized, "Tenant not found in database")
}

// authorize verifies a tenant token of an HTTP request. All that a caller learns is 401, or with a good token that its tenant is suspended.
func (s *Server) authorize(w http.ResponseWriter, r *http.Request, t *tenancy.Tenant) (*tenancy.Claims, bool) {
	token, err := httpToken(r.Header), error(nil)
	var claims *tenancy.Claims
	if token == "" {
		err = codes.New(codes.MissingAPIKey, "API key is missing")
	} else {
		claims, err = t.Verify(token, time.Now())
	}
	switch {
	case err != nil:
		s.log.Warn("token refused", "code", string(codes.Of(err).Code), "err", err, "tenant", t.ExternalID)
		message(w, http.StatusUnauthorized, "Unauthorized")
	case t.Suspend:
		message(w, http.StatusForbidden, "Tenant is suspended")
	default:
		return claims, true
	}
	return nil, false
}

// httpToken is the bearer token of Authorization, else the header apikey, "" for neither. Another scheme counts as absent; a bearer
// header that is not of two words has no token.
func httpToken(h http.Header) string {
	scheme, token, _ := strings.Cut(h.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "bearer") {
		return h.Get("Apikey")
	}
	if strings.Contains(token, " ") {
		return ""
	}
	return token
}
