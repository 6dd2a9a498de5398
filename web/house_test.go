package web

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"realtime/actors"
	"realtime/postgres"
	"realtime/postgres/pgtest"
	"realtime/tenancy"
	"realtime/tests/leaks"
	"realtime/tests/tenants"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

const (
	secret     = "super-secret-jwt-token-with-at-least-32-characters-long"
	apiSecret  = "signs-the-tokens-of-operators-0123456789"
	nextSecret = "will-sign-the-tokens-of-operators-0123456"
	octKey     = "a-key-of-the-JWKS-that-is-long-enough"
	patient    = 20 * time.Second // for what must happen, on a machine under load
)

// house is a server with everything under it: actors, tenants in a database of its own, a listener.
type house struct {
	*Server
	store *tenancy.Store
	cache *tenancy.Cache
	db    postgres.Settings
	addr  string
	logs  *leaks.Record
}

// open starts a house with the tenants abc, 127 and closed. change may adjust what the server and the actors are given.
func open(t testing.TB, change func(*Options, *actors.Options)) *house {
	t.Helper()
	db := pgtest.DB(t)
	leaks.Tell(apiSecret, nextSecret, octKey)
	store := tenants.Open(t, db, tenancy.StoreOptions{PoolSize: 2})
	h := &house{store: store, cache: tenancy.NewCache(store, time.Minute), db: db, logs: &leaks.Record{}}
	for _, id := range []string{"abc", "127"} {
		h.add(t, db, id, "")
	}
	h.add(t, db, "closed", `,"suspend":true`)

	log := slog.New(slog.NewJSONHandler(leaks.Watch(t, h.logs), &slog.HandlerOptions{Level: slog.LevelDebug}))
	registry := prometheus.NewRegistry()
	wo := Options{
		Log: log, Registry: registry, Resolver: &tenancy.Resolver{Cache: h.cache}, Version: "test", Store: store,
		APISecrets: []postgres.Secret{apiSecret, nextSecret}, Region: "here", Node: "realtime@test",
	}
	ao := actors.Options{Log: log, Metrics: registry, OpenWait: patient}
	if change != nil {
		change(&wo, &ao)
	}
	var err error
	if wo.System, err = actors.New(ao); err != nil {
		t.Fatal(err)
	}
	if h.Server, err = NewServer(wo); err != nil {
		t.Fatal(err)
	}
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h.addr = l.Addr().String()
	served := make(chan error, 1)
	go func() { served <- h.Serve(l) }() // stopped by Shutdown
	t.Cleanup(func() { h.close(t, served) })
	return h
}

// close goes down the stairs as the program does. A test may have gone some of them already.
func (h *house) close(t testing.TB, served chan error) {
	ctx, cancel := context.WithTimeout(context.Background(), patient)
	defer cancel()
	if err := h.Shutdown(ctx); err != nil {
		t.Errorf("shut down: %v", err)
	}
	h.o.System.Drain(ctx)
	if err := h.Wait(ctx); err != nil {
		t.Errorf("wait for sockets: %v", err)
	}
	if err := <-served; err != nil {
		t.Errorf("serve: %v", err)
	}
	if n := h.gate.open.Load(); n != 0 {
		t.Errorf("%d connections are still counted as open", n)
	}
	// net/http does not wait for the handler of a connection that became a socket, which may still be on its way out.
	h.until(t, "0 connections counted as active", func() bool { return h.figures.busy.Load()+h.figures.sockets.Load() == 0 })
}

// add writes a tenant; more are further columns.
func (h *house) add(t testing.TB, db postgres.Settings, id, more string) {
	t.Helper()
	tenants.Add(t, h.store, tenants.Row{ID: id, Secret: secret, Database: db, Columns: `,"jwt_jwks":{"keys":[{"kty":"oct","kid":"oct-1","k":"` +
		base64.RawURLEncoding.EncodeToString([]byte(octKey)) + `"}]}` + more})
}

// change writes columns of a tenant, given as JSON members, and lets the cache know.
func (h *house) change(t testing.TB, id, columns string) {
	t.Helper()
	tenants.Change(t, h.store, id, columns)
	h.cache.Invalidate(id)
}

// until polls for what should come true.
func (h *house) until(t testing.TB, what string, done func() bool) {
	t.Helper()
	deadline := time.Now().Add(patient)
	for !done() {
		if time.Now().After(deadline) {
			t.Fatalf("not %s after %s", what, patient)
		}
		time.Sleep(5 * time.Millisecond) //nolint:forbidigo // polls
	}
}

// claims of a good token, changed by pairs of name and value; a nil value removes the claim.
func claims(pairs ...any) map[string]any {
	m := map[string]any{"role": "anon", "note": leaks.Marker, "exp": time.Now().Add(time.Hour).Unix()}
	for pair := range slices.Chunk(pairs, 2) {
		if m[pair[0].(string)] = pair[1]; pair[1] == nil {
			delete(m, pair[0].(string))
		}
	}
	return m
}

// token signs claims with the tenants' secret.
func token(t testing.TB, pairs ...any) string {
	t.Helper()
	s, err := tenancy.Sign([]byte(secret), claims(pairs...))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// forge makes a token of any header and claims, signed with key as HS256 whatever the header says.
func forge(t testing.TB, header, payload any, key string) string {
	t.Helper()
	part := func(v any) string {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return base64.RawURLEncoding.EncodeToString(b)
	}
	text := part(header) + "." + part(payload)
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte(text))
	return text + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// do sends a request through an ordinary HTTP client; headers come in pairs, Host among them.
func (h *house) do(t testing.TB, method, path, body string, headers ...string) (*http.Response, string) {
	t.Helper()
	return h.ask(t, nil, method, path, body, headers)
}

// once does the same and follows no redirect.
func (h *house) once(t testing.TB, method, path, body string, headers ...string) (*http.Response, string) {
	t.Helper()
	return h.ask(t, func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, method, path, body, headers)
}

func (h *house) ask(t testing.TB, follow func(*http.Request, []*http.Request) error, method, path, body string, headers []string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, "http://"+h.addr+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Host = "abc.example.com"
	for pair := range slices.Chunk(headers, 2) {
		if pair[0] == "Host" {
			r.Host = pair[1]
			continue
		}
		r.Header.Add(pair[0], pair[1])
	}
	transport := &http.Transport{DisableCompression: true}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: patient, CheckRedirect: follow}
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(answer)
}

func mustValidators(t testing.TB, text string) tenancy.Validators {
	t.Helper()
	v, err := tenancy.ParseValidators(text)
	if err != nil {
		t.Fatal(err)
	}
	return v
}
