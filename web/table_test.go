package web

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"realtime/actors"
	"realtime/postgres"
)

// Who asks. Each is a list of headers.
var (
	nobody    = []string{}
	badScheme = []string{"Authorization", "Basic x"}
)

// callers are the kinds of Authorization that every route is tried with.
func callers(t *testing.T) map[string][]string {
	t.Helper()
	bearer := func(token string) []string { return []string{"Authorization", "Bearer " + token} }
	next := forge(t, map[string]any{"alg": "HS512"}, map[string]any{}, nextSecret) // HS256 signed, header lies
	return map[string][]string{
		"nobody":        nobody,
		"basic":         badScheme,
		"bearer alone":  {"Authorization", "Bearer"},
		"two headers":   {"Authorization", "Bearer " + operator(t), "Authorization", "Bearer " + operator(t)},
		"lower case":    {"Authorization", "bearer " + operator(t)},
		"not a token":   bearer("x"),
		"lying header":  bearer(next),
		"expired":       bearer(operator(t, "exp", 1)),
		"blocked":       bearer(blockedToken(t)),
		"blocked, odd":  bearer(blockedToken(t)[:9] + " %20" + blockedToken(t)[9:] + "=="),
		"wrong claim":   bearer(operator(t, "iss", "somebody")),
		"tenant's":      bearer(token(t)),
		"operator":      bearer(operator(t)),
		"next operator": bearer(forge(t, map[string]any{"alg": "HS256"}, map[string]any{}, nextSecret)),
		"spaced":        bearer(operator(t)[:9] + " " + operator(t)[9:]),
		"public key":    bearer(operator(t, "role", "anon")),
	}
}

func blockedToken(t *testing.T) string { return operator(t, "sub", "blocked") }

// TestEveryRouteByCallerAndStatus is the whole table: each route asked by each kind of caller.
func TestEveryRouteByCallerAndStatus(t *testing.T) {
	h := open(t, func(o *Options, _ *actors.Options) {
		o.APIBlocklist, o.MetricsBlocklist = []string{blockedToken(t)}, []string{blockedToken(t)}
		o.MetricsSecret = postgres.Secret(apiSecret)
		o.Validators = mustValidators(t, `{"iss":"me"}`)
	})
	operators := []string{"operator", "next operator", "spaced"}
	reads := append([]string{"public key"}, operators...)
	metrics := []string{"operator", "spaced", "public key"}
	everybody := []string{"*"}
	const create = `{"tenant":{"name":"n"}}`
	for _, c := range []struct {
		method, path, body string
		may                []string // who passes; the others get refused
		ok, refused        int
	}{
		{"GET", "/", "", everybody, 200, 0},
		{"GET", "/inspector", "", everybody, 302, 0},
		{"GET", "/inspector/new", "", everybody, 302, 0},
		{"GET", "/status", "", everybody, 200, 0},
		{"GET", "/healthcheck", "", everybody, 200, 0},
		{"HEAD", "/healthcheck", "", everybody, 200, 0},
		{"GET", "/readyz", "", everybody, 200, 0},
		{"GET", "/api/openapi", "", everybody, 200, 0},
		{"GET", "/swaggerui", "", everybody, 200, 0},
		{"GET", "/swaggerui/swagger-ui.css", "", everybody, 200, 0},
		{"GET", "/api/ping", "", everybody, 200, 0},
		{"OPTIONS", "/api/broadcast", "", everybody, 204, 0},
		{"OPTIONS", "/api/broadcast/t/events/e", "", everybody, 204, 0},
		{"GET", "/socket/longpoll", "", everybody, 404, 0},
		{"GET", "/nothing", "", everybody, 404, 0},
		{"POST", "/api/tenants/abc", create, everybody, 404, 0},

		{"POST", "/api/broadcast", batchOf("t"), []string{"tenant's"}, 202, 401},
		{"POST", "/api/broadcast/t/events/e", `{}`, []string{"tenant's"}, 202, 401},

		{"GET", "/metrics", "", metrics, 200, 403},
		{"GET", "/metrics/here", "", metrics, 200, 403},
		{"GET", "/metrics/there", "", metrics, 200, 403},
		{"GET", "/tenant-metrics", "", metrics, 200, 403},
		{"GET", "/tenant-metrics/here", "", metrics, 200, 403},

		{"GET", "/api/tenants", "", reads, 200, 403},
		{"GET", "/realtime/v1/api/tenants", "", reads, 200, 403},
		{"GET", "/api/tenants/abc", "", reads, 200, 403},
		{"HEAD", "/api/tenants/abc", "", reads, 200, 403},
		{"GET", "/api/tenants/nobody", "", reads, 404, 403},
		{"GET", "/api/tenants/abc/health", "", reads, 200, 403},
		{"HEAD", "/api/tenants/abc/health", "", reads, 200, 403},
		{"GET", "/api/tenants/nobody/health", "", reads, 404, 403},
		{"POST", "/api/tenants", create, operators, 422, 403},
		{"PUT", "/api/tenants/abc", create, operators, 200, 403},
		{"PATCH", "/api/tenants/abc", create, operators, 200, 403},
		{"PUT", "/api/tenants/nobody", create, operators, 422, 403},
		{"POST", "/api/tenants/abc/reload", "", operators, 204, 403},
		{"POST", "/api/tenants/abc/shutdown", "", operators, 204, 403},
		{"POST", "/api/tenants/nobody/reload", "", operators, 404, 403},
		{"POST", "/api/tenants/nobody/shutdown", "", operators, 404, 403},
		{"DELETE", "/api/tenants/nobody", "", operators, 204, 403},
	} {
		for name, who := range callers(t) {
			want := c.refused
			if slices.Contains(c.may, name) || c.may[0] == "*" {
				want = c.ok
			}
			r, body := h.once(t, c.method, c.path, c.body, append([]string{"Content-Type", "application/json"}, who...)...)
			if r.StatusCode != want {
				t.Errorf("%s %s as %q: %d %.200s, want %d", c.method, c.path, name, r.StatusCode, body, want)
			}
			if r.Header.Get("Server") != "Realtime/test" || r.Header.Get("X-Request-Id") == "" && !strings.HasPrefix(c.path, "/socket") {
				t.Errorf("%s %s: headers %v", c.method, c.path, r.Header)
			}
			if want == 403 && c.method != "HEAD" && !strings.HasPrefix(body, `{"message":"`) {
				t.Errorf("%s %s as %q: %s, want a reason", c.method, c.path, name, body)
			}
			if strings.Contains(body, apiSecret) || strings.Contains(body, secret) {
				t.Errorf("%s %s: a secret in %s", c.method, c.path, body)
			}
		}
	}
}

// TestWithoutSecretsNobodyManages: no secret is not an empty one.
func TestWithoutSecretsNobodyManages(t *testing.T) {
	h := open(t, func(o *Options, _ *actors.Options) { o.APISecrets = []postgres.Secret{"", ""} })
	for _, key := range []string{operator(t), forge(t, map[string]any{"alg": "HS256"}, map[string]any{}, "")} {
		if r, body := h.do(t, "GET", "/api/tenants", "", "Authorization", "Bearer "+key); r.StatusCode != 403 || body != `{"message":"API_JWT_SECRET is not set, so nobody may use this address"}` {
			t.Errorf("%d %s", r.StatusCode, body)
		}
	}
}

// TestOpenAPINamesEveryRoute: the description and the table of routes agree, and what it refers to is there.
func TestOpenAPINamesEveryRoute(t *testing.T) {
	h := open(t, nil)
	var doc struct {
		OpenAPI    string
		Info       struct{ Version string }
		Paths      map[string]map[string]json.RawMessage
		Components map[string]map[string]any
	}
	_, body := h.do(t, "GET", "/api/openapi", "")
	if err := json.Unmarshal([]byte(body), &doc); err != nil || doc.Info.Version != "test" || !strings.HasPrefix(doc.OpenAPI, "3.0") {
		t.Fatalf("%v: %.200s", err, body)
	}
	described := map[string]bool{}
	for path, ops := range doc.Paths {
		for method, raw := range ops {
			if method == "parameters" {
				continue
			}
			described[strings.ToUpper(method)+" "+path] = false
			var op struct {
				Summary   string
				Responses map[string]struct{ Description string }
				Security  []map[string][]string
			}
			if err := json.Unmarshal(raw, &op); err != nil || op.Summary == "" || len(op.Responses) == 0 {
				t.Errorf("%s %s: %v, summary %q, %d responses", method, path, err, op.Summary, len(op.Responses))
			}
			for _, s := range op.Security {
				for name := range s {
					if doc.Components["securitySchemes"][name] == nil {
						t.Errorf("%s %s: unknown security %s", method, path, name)
					}
				}
			}
		}
	}
	pages := []string{"/{$}", "/inspector", "/inspector/new", "/swaggerui/{file}", pathSocket, pathWebSocket, pathLongPoll}
	for _, r := range h.table() {
		method, path, ok := strings.Cut(r.pattern, " ")
		if !ok {
			path = method
		}
		if slices.Contains(pages, path) {
			continue
		}
		if _, ok := described[r.pattern]; !ok {
			t.Errorf("%s is not described", r.pattern)
		}
		described[r.pattern] = true
	}
	for op, found := range described {
		if !found {
			t.Errorf("%s is described and not served", op)
		}
	}
	for _, part := range strings.Split(body, `"$ref": "#/components/schemas/`)[1:] {
		if name, _, _ := strings.Cut(part, `"`); doc.Components["schemas"][name] == nil {
			t.Errorf("schema %s is missing", name)
		}
	}
}

// TestDocumentationNeedsNoOtherServer: the page and its files name no address of another host.
func TestDocumentationNeedsNoOtherServer(t *testing.T) {
	h := open(t, nil)
	_, page := h.do(t, "GET", "/swaggerui", "")
	if !strings.Contains(page, "/api/openapi") {
		t.Errorf("page: %s", page)
	}
	for _, from := range []string{`src="http`, `href="http`, `src="//`, `href="//`} {
		if strings.Contains(page, from) {
			t.Errorf("the page loads %s…", from)
		}
	}
	for _, file := range []string{"swagger-ui-bundle.js", "swagger-ui-standalone-preset.js", "swagger-ui.css"} {
		if !strings.Contains(page, pathDocs+"/"+file) {
			t.Errorf("the page does not use %s", file)
		}
		if r, body := h.do(t, "GET", pathDocs+"/"+file, ""); r.StatusCode != http.StatusOK || len(body) < 1000 {
			t.Errorf("%s: %d, %d bytes", file, r.StatusCode, len(body))
		}
	}
	r, body := h.once(t, "GET", "/inspector/new?token=x", "")
	if r.StatusCode != 302 || r.Header.Get("Location") != "/?token=x" || body != "" {
		t.Errorf("old address: %d %s", r.StatusCode, r.Header.Get("Location"))
	}
	r, body = h.do(t, "GET", "/status", "")
	if !strings.Contains(body, "Realtime Cluster Health") || r.Header.Get("Content-Security-Policy") == "" {
		t.Errorf("status: %v %s", r.Header, body)
	}
}
