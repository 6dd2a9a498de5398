package tenancy

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
)

// TenantHeader is the request header that names a tenant, where Resolver.TrustHeader allows it.
const TenantHeader = "X-Tenant-Id"

// Resolver finds the tenant of a request. The first rule that applies decides:
//
//  1. the header x-tenant-id, if TrustHeader is set and the header is there
//  2. the exact host, if it is in Hosts
//  3. the first label of the host, if it names a tenant
//  4. SelfHostName, if it is set and names a tenant
//  5. the only tenant, if there is exactly one
//
// Rules 1 and 2 are explicit: if the tenant they name does not exist the request is refused, and not given to another one.
// A Resolver is safe for concurrent use as long as nobody changes its fields.
type Resolver struct {
	Cache        *Cache
	SelfHostName string            // SELF_HOST_TENANT_NAME; "" if unset
	TrustHeader  bool              // only behind a proxy that sets or removes the header: whoever sends it picks the tenant
	Hosts        map[string]string // host, in lower case and without port, to external_id
}

// Resolve returns the tenant of a request with this Host header (or URL host) and these headers. The error is TenantNotFound,
// with every rule tried, what it looked up and which tenants there are as its cause; or the database's.
func (r *Resolver) Resolve(ctx context.Context, host string, h http.Header) (*Tenant, error) {
	a := attempt{r: r, host: hostName(host)}
	if id := h.Get(TenantHeader); r.TrustHeader && id != "" {
		t, err := a.try(ctx, "header x-tenant-id", id)
		return a.must(ctx, t, err)
	}
	if id, ok := r.Hosts[a.host]; ok {
		t, err := a.try(ctx, "host map", id)
		return a.must(ctx, t, err)
	}
	if t, err := a.try(ctx, "first label of the host", firstLabel(a.host)); t != nil || err != nil {
		return t, err
	}
	if r.SelfHostName != "" {
		if t, err := a.try(ctx, "SELF_HOST_TENANT_NAME", r.SelfHostName); t != nil || err != nil {
			return t, err
		}
	}
	list, err := r.Cache.firstNames(ctx)
	if err != nil {
		return nil, err
	}
	if len(list) == 1 {
		if t, err := a.try(ctx, "the only tenant", list[0]); t != nil || err != nil {
			return t, err
		}
	}
	return nil, a.refuse(list)
}

// attempt is one call of Resolve: what it has tried so far.
type attempt struct {
	r     *Resolver
	host  string
	tried [][2]string // rules and what they looked up
	first string      // what the first rule looked up: the refusal is for this name
}

// try looks one name up. No tenant and no error: the name is not one.
func (a *attempt) try(ctx context.Context, rule, id string) (*Tenant, error) {
	a.tried = append(a.tried, [2]string{rule, id})
	if a.first == "" {
		a.first = id
	}
	if id == "" {
		return nil, nil
	}
	t, err := a.r.Cache.find(ctx, id)
	if isNotFound(err) {
		return nil, nil
	}
	return t, err
}

// must turns "not a tenant" into the refusal.
func (a *attempt) must(ctx context.Context, t *Tenant, err error) (*Tenant, error) {
	if t != nil || err != nil {
		return t, err
	}
	list, err := a.r.Cache.firstNames(ctx)
	if err != nil {
		list = nil // the refusal stands; only its detail is poorer
	}
	return nil, a.refuse(list)
}

// refuse explains, to the operator, why no tenant was found.
func (a *attempt) refuse(list []string) error {
	var b strings.Builder
	tried := make([]string, len(a.tried))
	for i, t := range a.tried {
		tried[i] = fmt.Sprintf("%s (%q)", t[0], cut(t[1]))
	}
	fmt.Fprintf(&b, "host %q: tried %s; ", cut(a.host), strings.Join(tried, ", "))
	switch {
	case len(list) == 0:
		b.WriteString("there are no tenants; SEED_SELF_HOST=true and a restart make one, or POST /api/tenants does")
	case len(list) > mostNames:
		fmt.Fprintf(&b, "the first %d tenants are %s", mostNames, quoted(list[:mostNames]))
	default:
		fmt.Fprintf(&b, "the tenants are %s", quoted(list))
	}
	if len(list) > 0 {
		fmt.Fprintf(&b, "; let the first label of the host be one of them (%s.example.com), or set SELF_HOST_TENANT_NAME=%s, or REALTIME_TENANT_HOSTS=%s=%s; APP_NAME does not choose a tenant",
			cut(list[0]), cut(list[0]), cmp.Or(cut(a.host), "host"), cut(list[0]))
	}
	return notFound(a.first, errors.New(b.String()))
}

func quoted(list []string) string {
	q := make([]string, len(list))
	for i, s := range list {
		q[i] = fmt.Sprintf("%q", cut(s))
	}
	return strings.Join(q, ", ")
}

// hostName is the host of a Host header: in lower case, without port, without the brackets of an IPv6 address and without the
// dot that ends a fully qualified name.
func hostName(hostport string) string {
	host := strings.ToLower(strings.TrimSpace(hostport))
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return strings.TrimSuffix(strings.Trim(host, "[]"), ".")
}

// firstLabel is what stands before the first dot: of a name, or as upstream has it of an IPv4 address. An IPv6 address has none.
func firstLabel(host string) string {
	if strings.Contains(host, ":") {
		return ""
	}
	label, _, _ := strings.Cut(host, ".")
	return label
}
