package cases

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"realtime/actors"
	"realtime/postgres"
	"realtime/postgres/pgtest"
	"realtime/tenancy"
	"realtime/tests/leaks"
	"realtime/tests/tenants"
	"realtime/web"
)

// house is a server with everything under it: actors, tenants in a database, a listener. All of them share one database, which is every
// tenant's as well unless it is given another.
type house struct {
	server   *web.Server
	system   *actors.System
	store    *tenancy.Store
	cache    *tenancy.Cache
	db       postgres.Settings
	addr     string
	changes  string // a tenant for rows about changes, whose feed they share
	logs     *leaks.Record
	registry *prometheus.Registry
	served   chan error
}

// newHouse makes the database and the first house.
func newHouse(t *testing.T) *house {
	t.Helper()
	db := pgtest.DB(t)
	store := tenants.Open(t, db, tenancy.StoreOptions{PoolSize: 4})
	prepare(t, db)
	pgtest.Exec(t, db, slices.Concat(tables, policies)...)
	h := (&house{store: store, db: db}).annex(t, nil)
	h.changes = h.tenant(t, `,"max_events_per_second":100000,"max_joins_per_second":100000`)
	return h
}

// annex starts a server with settings of its own on the same database.
func (h *house) annex(t *testing.T, change func(*actors.Options)) *house {
	t.Helper()
	a := &house{store: h.store, cache: tenancy.NewCache(h.store, time.Hour), db: h.db, logs: &leaks.Record{}, served: make(chan error, 1)}
	log := slog.New(slog.NewJSONHandler(leaks.Watch(t, a.logs), &slog.HandlerOptions{Level: slog.LevelDebug}))
	a.registry = prometheus.NewRegistry()
	o := actors.Options{Log: log, Metrics: a.registry, Lookup: a.cache.Get, JoinPause: 10 * time.Millisecond, FeedIdle: time.Second, OpenWait: patient}
	if change != nil {
		change(&o)
	}
	var err error
	if a.system, err = actors.New(o); err != nil {
		t.Fatal(err)
	}
	a.server, err = web.NewServer(web.Options{Log: log, Registry: a.registry, System: a.system, Resolver: &tenancy.Resolver{Cache: a.cache}})
	if err != nil {
		t.Fatal(err)
	}
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	a.addr = l.Addr().String()
	go func() { a.served <- a.server.Serve(l) }() // stopped by close
	t.Cleanup(func() { a.close(t) })
	return a
}

// close goes down the stairs as the program does.
func (h *house) close(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), patient)
	defer cancel()
	if err := h.server.Shutdown(ctx); err != nil {
		t.Errorf("shut down: %v", err)
	}
	h.system.Drain(ctx)
	if err := h.server.Wait(ctx); err != nil {
		t.Errorf("wait for sockets: %v", err)
	}
	if err := <-h.served; err != nil {
		t.Errorf("serve: %v", err)
	}
	if t.Failed() {
		t.Logf("the server's log ends with:\n%s", h.logs.String()[max(0, len(h.logs.String())-100_000):])
	}
	for line := range strings.Lines(h.logs.String()) {
		if strings.Contains(line, "panic") {
			t.Errorf("the server panicked: %s", line)
		}
	}
}

var made atomic.Int64 // tenants

// tenant makes a tenant and returns its name. columns are JSON members, with a comma in front.
func (h *house) tenant(t testing.TB, columns string) string {
	t.Helper()
	return h.tenantOn(t, h.db, columns)
}

// tenantOn makes a tenant whose database is db; its replication slot has a name of its own.
func (h *house) tenantOn(t testing.TB, db postgres.Settings, columns string) string {
	t.Helper()
	return h.tenantWith(t, db, nil, columns)
}

// tenantWith makes one with further settings of its database.
func (h *house) tenantWith(t testing.TB, db postgres.Settings, more map[string]any, columns string) string {
	t.Helper()
	id := "t" + strconv.FormatInt(made.Add(1), 10)
	settings := map[string]any{"slot_name": db.Database + "_" + id}
	maps.Copy(settings, more)
	tenants.Add(t, h.store, tenants.Row{ID: id, Secret: secret, Database: db, Settings: settings, Columns: columns})
	return id
}

// row is a tenant as the server has it.
func (h *house) row(t testing.TB, id string) *tenancy.Tenant {
	t.Helper()
	row, err := h.cache.Get(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return row
}

// logged tells whether a line about a tenant has the code.
func (h *house) logged(tenant, code string) bool {
	for line := range strings.Lines(h.logs.String()) {
		if strings.Contains(line, `"tenant":"`+tenant+`"`) && strings.Contains(line, code) {
			return true
		}
	}
	return false
}

// wantLogged expects such a line.
func (h *house) wantLogged(t testing.TB, tenant, code string) {
	t.Helper()
	if !h.logged(tenant, code) {
		t.Errorf("nothing is logged with %s", code)
	}
}

// post sends messages to POST /api/broadcast and expects 202.
func (h *house) post(t testing.TB, tenant, messages string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+h.addr+"/api/broadcast", strings.NewReader(`{"messages":[`+messages+`]}`))
	if err != nil {
		t.Fatal(err)
	}
	r.Host = tenant + ".example.com"
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+token(t))
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	resp, err := (&http.Client{Transport: transport, Timeout: patient}).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusAccepted {
		t.Fatalf("broadcast over HTTP: status %d", resp.StatusCode)
	}
}

// publish hands messages to the server as its HTTP doors do.
func (h *house) publish(t testing.TB, tenant string, p ...actors.Publication) {
	t.Helper()
	row, err := h.cache.Get(t.Context(), tenant)
	if err == nil {
		err = h.system.Publish(t.Context(), row, p)
	}
	if err != nil {
		t.Errorf("publish: %v", err)
	}
}

const secret = "super-secret-jwt-token-with-at-least-32-characters-long"

// token signs the claims of an anonymous user, good for an hour, changed by pairs of name and value; a nil value removes the claim.
func token(t testing.TB, pairs ...any) string {
	t.Helper()
	return sign(t, secret, pairs...)
}

func sign(t testing.TB, key string, pairs ...any) string {
	t.Helper()
	leaks.Tell(key)
	claims := map[string]any{"role": "anon", "note": leaks.Marker, "exp": time.Now().Add(time.Hour).Unix()}
	for i := 0; i < len(pairs); i += 2 {
		claims[pairs[i].(string)] = pairs[i+1]
	}
	maps.DeleteFunc(claims, func(_ string, v any) bool { return v == nil })
	s, err := tenancy.Sign([]byte(key), claims)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// eventually waits until what becomes true.
func eventually(t testing.TB, name string, what func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patient); !what(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain: %s", name)
		}
	}
}

func quote(t testing.TB, s string) string {
	t.Helper()
	b, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// joinOf is a join of version 2 with one ref for both.
func joinOf(ref, topic, payload string) string {
	return fmt.Sprintf(`["%s","%s","%s","phx_join",%s]`, ref, ref, topic, payload)
}
