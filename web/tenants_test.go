package web

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"realtime/tenancy"
)

// operator signs a token of the management API.
func operator(t testing.TB, pairs ...any) string {
	t.Helper()
	s, err := tenancy.Sign([]byte(apiSecret), claims(append([]any{"role", nil, "exp", nil}, pairs...)...))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// manage sends a request to the management API and wants a status.
func (h *house) manage(t testing.TB, method, path, body string, status int) (*http.Response, string) {
	t.Helper()
	r, answer := h.do(t, method, path, body, "Authorization", "Bearer "+operator(t), "Content-Type", "application/json", "Accept", "application/json")
	if r.StatusCode != status {
		t.Fatalf("%s %s %.100s: %d %s, want %d", method, path, body, r.StatusCode, answer, status)
	}
	return r, answer
}

// extension is the JSON of settings that lead to the house's own database; more are further settings.
func (h *house) extension(more string) string {
	return fmt.Sprintf(`{"type":"postgres_cdc_rls","settings":{"db_host":%q,"db_port":%q,"db_name":%q,"db_user":%q,"db_password":%q,"region":"here","ssl_enforced":false%s}}`,
		h.db.Host, strconv.Itoa(h.db.Port), h.db.Database, h.db.User, h.db.Password.Reveal(), more)
}

// shown is a tenant as the API shows it.
type shown struct {
	Data map[string]any `json:"data"`
}

func show(t testing.TB, body string) map[string]any {
	t.Helper()
	var s shown
	if err := json.Unmarshal([]byte(body), &s); err != nil || s.Data == nil {
		t.Fatalf("not a tenant: %s", body)
	}
	return s.Data
}

// TestTenantsOverHTTP walks through a tenant's life.
func TestTenantsOverHTTP(t *testing.T) {
	h := open(t, nil)
	r, body := h.manage(t, "PUT", "/api/tenants/new", `{"tenant":{"name":"ignored","external_id":"ignored","jwt_secret":"s","max_joins_per_second":7,"extensions":[`+h.extension("")+`]}}`, 201)
	made := show(t, body)
	if made["external_id"] != "new" || made["name"] != "new" || made["max_joins_per_second"] != 7.0 || made["max_concurrent_users"] != 200.0 {
		t.Errorf("made %v", made)
	}
	if got := r.Header.Get("Location"); got != "/api/tenants/new" {
		t.Errorf("location %q", got)
	}
	if strings.Contains(body, "jwt_secret") || strings.Contains(body, "db_password") || strings.Contains(body, h.db.Database) {
		t.Errorf("secrets in %s", body)
	}
	if r, body := h.do(t, "GET", "/api/ping", "", "Host", "new.example.com"); r.StatusCode != 200 {
		t.Errorf("the new tenant's ping: %d %s", r.StatusCode, body)
	}

	_, body = h.manage(t, "PATCH", "/realtime/v1/api/tenants/new", `{"tenant":{"name":"a name","private_only":true}}`, 200)
	if changed := show(t, body); changed["name"] != "a name" || changed["private_only"] != true || changed["max_joins_per_second"] != 7.0 || changed["id"] != made["id"] {
		t.Errorf("changed %v", changed)
	}
	for body, want := range map[string]string{
		`{"tenant":{"external_id":" "}}`:                                    `{"errors":{"external_id":["can't be blank"],"jwt_secret":["either jwt_secret or jwt_jwks must be provided"]}}`,
		`{"tenant":{"external_id":7,"jwt_secret":"s"}}`:                     `{"errors":{"external_id":["is invalid"]}}`,
		`{"tenant":{"external_id":"x","jwt_secret":"s"}}`:                   `{"errors":{"extensions":["can't be blank"]}}`,
		`{"tenant":{"external_id":"x","jwt_secret":"s","extensions":[{}]}}`: `{"errors":{"extensions":[{"settings":["can't be blank"],"type":["can't be blank"]}]}}`,
	} {
		if _, got := h.manage(t, "POST", "/api/tenants", body, 422); got != want {
			t.Errorf("%s: %s, want %s", body, got, want)
		}
	}
	_, body = h.manage(t, "POST", "/api/tenants", `{"tenant":{"external_id":"new","max_joins_per_second":"8"}}`, 200)
	if changed := show(t, body); changed["max_joins_per_second"] != 8.0 || changed["name"] != "a name" {
		t.Errorf("posted again %v", changed)
	}

	_, body = h.manage(t, "GET", "/api/tenants/new", "", 200)
	if again := show(t, body); again["id"] != made["id"] {
		t.Errorf("shown %v", again)
	}
	_, body = h.manage(t, "GET", "/api/tenants", "", 200)
	var list struct{ Data []map[string]any }
	if err := json.Unmarshal([]byte(body), &list); err != nil || len(list.Data) != 4 {
		t.Errorf("%v, list %s", err, body)
	}

	for range 2 { // a missing one is deleted too
		if _, body := h.manage(t, "DELETE", "/api/tenants/new", "", 204); body != "" {
			t.Errorf("deleted: %q", body)
		}
	}
	for _, c := range [][2]string{{"GET", ""}, {"GET", "/health"}, {"POST", "/reload"}, {"POST", "/shutdown"}} {
		if _, body := h.manage(t, c[0], "/api/tenants/new"+c[1], "", 404); body != `{"message":"not found"}` {
			t.Errorf("%s after the end: %s", c, body)
		}
	}
	if r, _ := h.do(t, "GET", "/api/ping", "", "Host", "new.example.com"); r.StatusCode != 401 {
		t.Errorf("the deleted tenant's ping: %d", r.StatusCode)
	}
}

// TestTenantRefusals is what a write can get wrong.
func TestTenantRefusals(t *testing.T) {
	h := open(t, nil)
	const badRequest, method = `"Bad Request"`, "PUT"
	for name, c := range map[string]struct {
		body   string
		status int
		answer string
	}{
		"no body":                {"", 400, badRequest},
		"malformed":              {"{", 400, badRequest},
		"no tenant":              {`{"tenants":{}}`, 400, badRequest},
		"a list":                 {`[{"tenant":{}}]`, 400, badRequest},
		"tenant is a text":       {`{"tenant":"x"}`, 400, badRequest},
		"tenant is null":         {`{"tenant":null}`, 400, badRequest},
		"nested too deep":        {`{"tenant":{"jwt_jwks":` + strings.Repeat(`{"a":`, 500) + "1" + strings.Repeat("}", 500) + `}}`, 400, badRequest},
		"no extensions":          {`{"tenant":{"jwt_secret":"s"}}`, 422, `{"errors":{"extensions":["can't be blank"]}}`},
		"no keys":                {`{"tenant":{"extensions":[]}}`, 422, `{"errors":{"jwt_secret":["either jwt_secret or jwt_jwks must be provided"]}}`},
		"number as a list":       {`{"tenant":{"jwt_secret":"s","extensions":[],"max_joins_per_second":[1]}}`, 422, `{"errors":{"max_joins_per_second":["is invalid"]}}`},
		"number beyond a column": {`{"tenant":{"jwt_secret":"s","extensions":[],"max_joins_per_second":3000000000}}`, 422, `{"errors":{"max_joins_per_second":["is invalid"]}}`},
		"flag as a number":       {`{"tenant":{"jwt_secret":"s","extensions":[],"suspend":1}}`, 422, `{"errors":{"suspend":["is invalid"]}}`},
		"secret with NUL":        {`{"tenant":{"jwt_secret":"s\u0000","extensions":[]}}`, 422, `{"errors":{"jwt_secret":["is invalid"]}}`},
		"extension without all":  {`{"tenant":{"jwt_secret":"s","extensions":[{"type":"postgres_cdc_rls","settings":{"db_port":5432}}]}}`, 422, `{"errors":{"extensions":[{"settings":["region can't be blank","db_host can't be blank","db_name can't be blank","db_user can't be blank","db_port is invalid","db_password can't be blank"]}]}}`},
		"large":                  {strings.Repeat(" ", maxBody+1), 413, `"Request Entity Too Large"`},
	} {
		if _, body := h.manage(t, method, "/api/tenants/refused", c.body, c.status); body != c.answer {
			t.Errorf("%s: %s, want %s", name, body, c.answer)
		}
	}
	if r, body := h.do(t, method, "/api/tenants/refused", `{"tenant":{}}`, "Authorization", "Bearer "+operator(t), "Content-Type", "text/plain"); r.StatusCode != 400 {
		t.Errorf("as text: %d %s", r.StatusCode, body)
	}
	if _, body := h.manage(t, "PUT", "/api/tenants/%ff", `{"tenant":{"jwt_secret":"s","extensions":[]}}`, 422); body != `{"errors":{"external_id":["is invalid"]}}` {
		t.Errorf("name that is not UTF-8: %s", body)
	}
	h.manage(t, "GET", "/api/tenants/refused", "", 404)
}

// TestTenantWithoutADatabase: the row stays, and the answer says what is wrong with the database.
func TestTenantWithoutADatabase(t *testing.T) {
	h := open(t, nil)
	nowhere := strings.Replace(h.extension(""), h.db.Database, "no_such_database", 1)
	_, body := h.manage(t, "PUT", "/api/tenants/lost", `{"tenant":{"jwt_secret":"s","extensions":[`+nowhere+`]}}`, 422)
	if !strings.HasPrefix(body, `{"message":"The tenant is stored, but its database is not ready: `) || !strings.Contains(body, "no_such_database") {
		t.Errorf("got %s", body)
	}
	health := func() map[string]any {
		_, body := h.manage(t, "GET", "/api/tenants/lost/health", "", 200)
		return show(t, body)
	}
	if got := health(); got["healthy"] != false || got["db_connected"] != false || got["region"] != "here" || got["node"] != "realtime@test" {
		t.Errorf("health %v", got)
	}
	h.manage(t, "PUT", "/api/tenants/lost", `{"tenant":{"extensions":[`+h.extension("")+`]}}`, 200)
	h.until(t, "healthy again", func() bool { return health()["healthy"] == true })
}
