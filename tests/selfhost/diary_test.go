package selfhost

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"realtime/postgres/pgtest"
	"realtime/tenancy"
	"realtime/tests/program"
)

func itoa(n int) string { return strconv.Itoa(n) }

const (
	encKey  = "an-enc-key-of-16"
	first   = "the-first-secret-of-this-server-0001"
	second  = "the-other-secret-of-this-server-0002"
	metrics = "the-metrics-secret-of-this-server-03"
)

func token(t *testing.T, secret string) string {
	t.Helper()
	text, err := tenancy.Sign([]byte(secret), map[string]any{"role": "anon", "exp": time.Now().Add(time.Hour).Unix()})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// TestTheDiaryOfASelfHoster walks through the evening of somebody who had everything set wrong, one mistake after the
// other. Each is answered by a line in the log that names the mistake and the remedy; the client reads what it always
// read.
func TestTheDiaryOfASelfHoster(t *testing.T) {
	s := program.New(t, root, append(database(pgtest.DB(t)),
		"DB_ENC_KEY="+encKey, "API_JWT_SECRET="+first, "METRICS_JWT_SECRET="+metrics, "SEED_SELF_HOST=true", "SELF_HOST_TENANT_NAME=another")...)
	s.Start()
	restart(s, "SELF_HOST_TENANT_NAME=realtime-dev") // there are two now
	if status, _ := handshake(t, s, "realtime:4000", token(t, first)); status != http.StatusSwitchingProtocols {
		t.Errorf("with SELF_HOST_TENANT_NAME set, a host that names nobody is answered %d", status)
	}

	// The gateway calls the server "realtime"; the tenant is called realtime-dev, and nothing says that it is the one.
	restart(s, "SELF_HOST_TENANT_NAME=", "SEED_SELF_HOST=false")
	mark := len(s.Log())
	refused(t, s, "realtime:4000", token(t, first), http.StatusNotFound, "Tenant not found")
	s.Await(mark, "TenantNotFound", `host \"realtime\"`, `first label of the host (\"realtime\")`, `\"another\", \"realtime-dev\"`,
		"SELF_HOST_TENANT_NAME=another", "REALTIME_TENANT_HOSTS=realtime=another")

	// They set APP_NAME, as one would guess. It has nothing to do with it, and the line says so.
	restart(s, "APP_NAME=realtime-dev")
	mark = len(s.Log())
	refused(t, s, "realtime:4000", token(t, first), http.StatusNotFound, "Tenant not found")
	s.Await(mark, "TenantNotFound", "APP_NAME does not choose a tenant")

	// The remedy that was named works.
	restart(s, "SELF_HOST_TENANT_NAME=realtime-dev")
	if status, body := handshake(t, s, "realtime:4000", token(t, first)); status != http.StatusSwitchingProtocols {
		t.Fatalf("got %d %s", status, body)
	}

	// They change API_JWT_SECRET. Without seeding, the row keeps the old one: tokens of the new secret do not verify.
	restart(s, "API_JWT_SECRET="+second)
	mark = len(s.Log())
	refused(t, s, "realtime", token(t, second), http.StatusUnauthorized, "Failed to validate JWT signature")
	s.Await(mark, "JwtSignatureError", "secret fingerprint "+tenancy.Fingerprint(first), "the secret in API_JWT_SECRET (fingerprint "+tenancy.Fingerprint(second)+")",
		"SEED_SELF_HOST=true and a restart")

	// That remedy works too, and says what it changed.
	mark = len(s.Log())
	restart(s, "SEED_SELF_HOST=true")
	s.Await(mark, "tenant seed", "jwt_secret", tenancy.Fingerprint(second))
	if status, body := handshake(t, s, "realtime", token(t, second)); status != http.StatusSwitchingProtocols {
		t.Fatalf("got %d %s", status, body)
	}

	// A token signed with the other secret of the compose file.
	mark = len(s.Log())
	refused(t, s, "realtime", token(t, metrics), http.StatusUnauthorized, "Failed to validate JWT signature")
	s.Await(mark, "JwtSignatureError", "the secret in METRICS_JWT_SECRET (fingerprint "+tenancy.Fingerprint(metrics)+")")

	// A key that is not the one the rows were encrypted with.
	restart(s, "DB_ENC_KEY=another-key-16-b", "SEED_SELF_HOST=false")
	s.Await(0, "tenant rows that cannot be used", "realtime-dev", "DB_ENC_KEY")

	for _, hidden := range []string{first, second, metrics, encKey, token(t, first)} {
		if strings.Contains(s.Log(), hidden) {
			t.Error("the log shows a secret")
		}
	}
}

// restart stops the server and starts it again with changed variables.
func restart(s *program.Server, pairs ...string) {
	s.Stop()
	for _, p := range pairs {
		s.Set(p)
	}
	s.Start()
}

func refused(t *testing.T, s *program.Server, host, token string, status int, text string) {
	t.Helper()
	got, body := handshake(t, s, host, token)
	if got != status || body != fmt.Sprintf(`{"error":%q}`, text) {
		t.Errorf("host %s: got %d %s, want %d %s", host, got, body, status, text)
	}
}
