package selfhost

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"realtime/postgres/pgtest"
	"realtime/protocol/client"
	"realtime/tenancy"
	"realtime/tests/leaks"
	"realtime/tests/program"
)

// TestNothingSecretIsLogged does, at the most talkative level, what could make a server quote what it was given. The check
// itself is in program: it follows every test with a server.
func TestNothingSecretIsLogged(t *testing.T) {
	db := pgtest.DB(t)
	s := program.New(t, root, append(database(db), "LOG_LEVEL=debug", "DB_ENC_KEY="+encKey, "DB_ENC_KEY_GCM=a-second-key-that-is-32-bytes-xx",
		"API_JWT_SECRET="+first, "API_JWT_SECRET_NEXT="+second, "METRICS_JWT_SECRET="+metrics, "API_TOKEN_BLOCKLIST=blocked-token-of-this-test",
		"SEED_SELF_HOST=true", "SELF_HOST_TENANT_NAME=realtime-dev", "METRICS_PUSHER_ENABLED=true", "METRICS_PUSHER_INTERVAL_MS=50",
		"METRICS_PUSHER_URL=http://pusher:password-of-the-pusher@127.0.0.1:1/", "METRICS_PUSHER_AUTH=auth-of-the-pusher")...)
	pgtest.Exec(t, db, "create table public.notes (id int primary key, body text)", "grant select on public.notes to anon",
		"alter table public.notes enable row level security", "create policy p on public.notes using (body::int > 0)")
	pgtest.Exec(t, db, "alter publication supabase_realtime add table public.notes")
	s.Start()
	claims := map[string]any{"role": "anon", "note": leaks.Marker, "exp": time.Now().Add(time.Hour).Unix()}
	good, err := tenancy.Sign([]byte(first), claims)
	if err != nil {
		t.Fatal(err)
	}
	claims["role"] = "service_role"
	operator, err := tenancy.Sign([]byte(first), claims)
	if err != nil {
		t.Fatal(err)
	}
	talk(t, s, good)
	pgtest.Exec(t, db, "insert into public.notes values (1, '"+leaks.Marker+"')") // the policy raises over it
	pgtest.Exec(t, db, "select realtime.send('{\"a\": \""+leaks.Marker+"\"}'::jsonb, 'e', 'room', false)")
	for _, bad := range []string{token(t, second), token(t, "nobodys"), good + "x", "eyJhbGciOiJub25lIn0.e30.", strings.Repeat(good, 9), "blocked-token-of-this-test"} {
		handshake(t, s, "realtime-dev", bad)
		for _, at := range []string{"GET /api/tenants", "GET /metrics?token=" + bad, "POST /api/broadcast", "GET /api/ping?apikey=" + bad} {
			ask(t, s, at, bad, "")
		}
	}
	for _, body := range []string{
		`{"messages":[{"topic":"room","event":"e","payload":{"a":"` + leaks.Marker + `"}}]}`, `{"messages":"` + leaks.Marker + `"}`, `{"` + leaks.Marker,
	} {
		ask(t, s, "POST /api/broadcast", good, body)
	}
	for _, body := range []string{
		`{"tenant":{"external_id":"more","name":"x","jwt_secret":"` + leaks.Marker + `","extensions":[{"type":"postgres_cdc_rls","settings":{"db_password":"` + leaks.Marker + `"}}]}}`,
		`{"tenant":{"jwt_secret":["` + leaks.Marker + `"]}}`, `{"` + leaks.Marker,
	} {
		ask(t, s, "POST /api/tenants", operator, body)
		ask(t, s, "PUT /api/tenants/more", operator, body)
	}
	s.Await(0, "metrics could not be pushed")
	for _, l := range []string{"client fault", "handshake refused"} {
		s.Await(0, l)
	}
	s.Stop()
}

// talk says over a socket what can be said, well and badly.
func talk(t *testing.T, s *program.Server, token string) {
	t.Helper()
	c, err := client.Dial(t.Context(), client.Options{URL: s.URL + "/socket/websocket?log_level=debug", APIKey: token, Header: http.Header{"Host": {"realtime-dev"}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	marked := map[string]any{"a": leaks.Marker}
	ch, err := c.Join(t.Context(), "realtime:room", map[string]any{"config": map[string]any{
		"broadcast": map[string]any{"self": true, "ack": true}, "presence": map[string]any{"enabled": true, "key": "k"},
		"postgres_changes": []map[string]any{{"event": "*", "schema": "public", "table": "notes"}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	for name, err := range map[string]error{"broadcast": ch.Broadcast(t.Context(), "e", marked), "track": ch.Track(t.Context(), marked)} {
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	_ = ch.Push(t.Context(), "presence", map[string]any{"type": "presence", "event": "odd", "payload": marked})
	_ = ch.Push(t.Context(), "unheard of", marked)
	_ = ch.Push(t.Context(), "presence", map[string]any{"event": "track", "payload": leaks.Marker})
	for _, frame := range []string{`{"` + leaks.Marker, `["1","2","realtime:room","broadcast"]`, `["1","3","realtime:room","broadcast",{"event":{"x":"` + leaks.Marker + `"}}]`} {
		if err := c.Send([]byte(frame), false); err != nil {
			t.Error(err)
		}
	}
	for _, config := range []map[string]any{
		{"private": true}, {"private": leaks.Marker}, {"postgres_changes": []map[string]any{{"event": "*", "schema": "public", "table": "notes", "filter": "body=" + leaks.Marker}}},
	} {
		_, _ = c.Join(t.Context(), "realtime:other", map[string]any{"config": config}) // whatever comes of it
	}
	_ = ch.AccessToken(t.Context(), "eyJhbGciOiJIUzI1NiJ9.eyJyb2xlIjoiYW5vbiJ9.bm8")
}

// ask sends one request; what is answered does not matter.
func ask(t *testing.T, s *program.Server, at, token, body string) {
	t.Helper()
	method, path, _ := strings.Cut(at, " ")
	r, err := http.NewRequestWithContext(t.Context(), method, s.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Host = "realtime-dev"
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Content-Type", "application/json")
	res, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(r)
	if err == nil {
		_ = res.Body.Close()
	}
}
