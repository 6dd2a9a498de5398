package selfhost

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"realtime/postgres"
	"realtime/postgres/pgtest"
	"realtime/tests/program"
)

// root is the repository, seen from this package's directory, where go test runs.
const root = "../.."

func TestMain(m *testing.M) { program.Main(func() int { return pgtest.Run(m) }) }

// database is the environment of a server on a database of one's own.
func database(db postgres.Settings) []string {
	return []string{
		"DB_HOST=" + db.Host, "DB_PORT=" + itoa(db.Port), "DB_USER=" + db.User, "DB_PASSWORD=" + db.Password.Reveal(), "DB_NAME=" + db.Database,
		"CONNECT_ERROR_BACKOFF_MS=0", "CHANNEL_ERROR_BACKOFF_MS=0",
	}
}

// handshake tries to open a socket under a host name and returns status and body.
func handshake(t *testing.T, s *program.Server, host, token string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+"/socket/websocket?vsn=2.0.0&apikey="+url.QueryEscape(token), nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = host
	for name, value := range map[string]string{
		"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
	} {
		r.Header.Set(name, value)
	}
	res, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode == http.StatusSwitchingProtocols {
		return res.StatusCode, ""
	}
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, strings.TrimSpace(string(body))
}
