package habits

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"realtime/actors"
	"realtime/postgres/pgtest"
	"realtime/tenancy"
	"realtime/tests/frames"
	"realtime/tests/leaks"
	"realtime/tests/tenants"
	"realtime/web"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

const (
	secret  = "super-secret-jwt-token-with-at-least-32-characters-long"
	patient = 20 * time.Second // for what must happen, on a machine under load
)

// house is a server with one tenant, whose database has a published table todos.
type house struct{ addr, token string }

func newHouse(t *testing.T) *house {
	t.Helper()
	db := pgtest.DB(t)
	pgtest.Exec(t, db, `create table todos (id int primary key)`, `grant select on todos to anon`,
		`alter publication supabase_realtime add table todos`)
	store := tenants.Open(t, db, tenancy.StoreOptions{PoolSize: 2})
	tenants.Add(t, store, tenants.Row{ID: "habits", Secret: secret, Database: db, Settings: map[string]any{"slot_name": db.Database + "_habits"}})
	token, err := tenancy.Sign([]byte(secret), map[string]any{"role": "anon", "note": leaks.Marker, "exp": time.Now().Add(time.Hour).Unix()})
	if err != nil {
		t.Fatal(err)
	}
	return &house{addr: serve(t, tenancy.NewCache(store, time.Hour)), token: token}
}

// serve runs a server until the test ends and returns its address.
func serve(t *testing.T, cache *tenancy.Cache) string {
	t.Helper()
	registry := prometheus.NewRegistry()
	log := slog.New(slog.NewTextHandler(leaks.Watch(t, io.Discard), &slog.HandlerOptions{Level: slog.LevelDebug}))
	system, err := actors.New(actors.Options{Log: log, Metrics: registry})
	if err != nil {
		t.Fatal(err)
	}
	server, err := web.NewServer(web.Options{Log: log, Registry: registry, System: system, Resolver: &tenancy.Resolver{Cache: cache}})
	if err != nil {
		t.Fatal(err)
	}
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }() // stopped by Shutdown
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patient)
		defer cancel()
		if err := server.Shutdown(ctx); err != nil {
			t.Errorf("shut down: %v", err)
		}
		system.Drain(ctx)
		if err := server.Wait(ctx); err != nil {
			t.Errorf("wait for sockets: %v", err)
		}
		if err := <-served; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	return l.Addr().String()
}

// dial opens a socket at a path, query included.
func (h *house) dial(t *testing.T, path string) (*frames.Client, error) {
	c, err := frames.Dial(t.Context(), h.addr, patient)
	if err != nil {
		return nil, err
	}
	t.Cleanup(func() { _ = c.Close() })
	r, err := c.Upgrade(path, "habits.example.com")
	if err != nil {
		return nil, err
	}
	if r.StatusCode != http.StatusSwitchingProtocols {
		body, _ := io.ReadAll(r.Body)
		return nil, fmt.Errorf("handshake: %s %s", r.Status, strings.TrimSpace(string(body)))
	}
	return c, nil
}
