package web

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"realtime/postgres"
	"realtime/tenancy"
)

// guard decides who may use an operator's route: tokens signed with one of its secrets that are not blocked.
type guard struct {
	setting    string            // the variable of the first secret, for people
	secrets    []postgres.Secret // "" is none
	blocklist  string            // the variable with the blocked tokens
	blocked    []string
	validators tenancy.Validators
}

// why says why r may not pass, "" if it may. Upstream's 403 has no body and puzzles people.
func (g *guard) why(r *http.Request) (claims *tenancy.Claims, why string, err error) {
	secrets := slices.DeleteFunc(slices.Clone(g.secrets), func(s postgres.Secret) bool { return s == "" })
	if len(secrets) == 0 {
		return nil, g.setting + " is not set, so nobody may use this address", nil
	}
	values := r.Header["Authorization"]
	if len(values) != 1 || !strings.HasPrefix(values[0], "Bearer ") {
		return nil, "Send one header Authorization: Bearer <token>, a JWT signed with " + g.setting, nil
	}
	token := values[0][len("Bearer "):]
	if slices.ContainsFunc(g.blocked, func(b string) bool { return tenancy.SameToken(token, b) }) {
		return nil, "This token is on the " + g.blocklist, nil
	}
	for _, secret := range secrets {
		if claims, err = tenancy.VerifySecret(token, secret.Reveal(), g.validators, time.Now()); err == nil {
			return claims, "", nil
		}
	}
	return nil, "The token does not verify with " + g.setting, err
}

// pass reports whether r may pass, and answers 403 if it may not.
func (s *Server) pass(g *guard, w http.ResponseWriter, r *http.Request) (*tenancy.Claims, bool) {
	claims, why, err := g.why(r)
	if why == "" {
		return claims, true
	}
	if err != nil {
		s.log.Warn("operator's token refused", "setting", g.setting, "err", err)
	}
	message(w, http.StatusForbidden, why)
	return nil, false
}

// publicRoles are the roles of tokens that apps hand to everybody.
var publicRoles = []string{"anon", "authenticated"}

// manageTimeout bounds a request of the management API. One whose client has gone is carried through all the same: a tenant is not
// half deleted.
const manageTimeout = time.Minute

// api lets requests pass that the management API is for. Where one secret signs everything, as in upstream's own compose file,
// the keys of apps pass too; writes refuse those.
func (s *Server) api(next http.HandlerFunc) http.Handler {
	return s.accepts(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		claims, ok := s.pass(&s.manage, w, r)
		if !ok {
			return
		}
		if r.Method != http.MethodGet && r.Method != http.MethodHead && slices.Contains(publicRoles, claims.Role) {
			message(w, http.StatusForbidden, "A token of the role "+claims.Role+" is public and may not change tenants; use one of another role, such as service_role")
			return
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), manageTimeout)
		defer cancel()
		next(w, r.WithContext(ctx))
	}))
}
