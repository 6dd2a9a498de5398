package habits

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"realtime/actors"
	"realtime/postgres/pgtest"
	"realtime/tenancy"
	"realtime/tests/leaks"
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
	leaks.Tell(secret, db.Password.Reveal())
	pgtest.Exec(t, db, `create table todos (id int primary key)`, `grant select on todos to anon`,
		`alter publication supabase_realtime add table todos`)
	cipher, err := tenancy.NewCipher("1234567890123456", "", false)
	if err != nil {
		t.Fatal(err)
	}
	store, err := tenancy.OpenStore(t.Context(), db, tenancy.StoreOptions{Cipher: cipher, PoolSize: 2})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(store.Close)
	settings, err := json.Marshal(map[string]any{
		"db_host": db.Host, "db_port": strconv.Itoa(db.Port), "db_name": db.Database, "db_user": db.User,
		"db_password": db.Password.Reveal(), "region": "here", "ssl_enforced": false, "slot_name": db.Database + "_habits",
	})
	if err != nil {
		t.Fatal(err)
	}
	change, err := tenancy.ParseChange([]byte(`{"external_id":"habits","name":"habits","jwt_secret":"`+secret+
		`","extensions":[{"type":"postgres_cdc_rls","settings":`+string(settings)+`}]}`), tenancy.ChangeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := store.Upsert(t.Context(), change); err != nil {
		t.Fatal(err)
	}
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

// socket is a connection that sends and shows frames as they are.
type socket struct {
	nc net.Conn
	br *bufio.Reader
}

// First bytes of unfragmented frames.
const (
	textFrame   = 0x81
	binaryFrame = 0x82
)

// dial opens a socket at a path, query included.
func (h *house) dial(t *testing.T, path string) (*socket, error) {
	nc, err := new(net.Dialer).DialContext(t.Context(), "tcp", h.addr)
	if err != nil {
		return nil, err
	}
	t.Cleanup(func() { _ = nc.Close() })
	_ = nc.SetDeadline(time.Now().Add(patient))
	_, err = io.WriteString(nc, "GET "+path+" HTTP/1.1\r\nHost: habits.example.com\r\nConnection: Upgrade\r\n"+
		"Upgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n")
	if err != nil {
		return nil, err
	}
	s := &socket{nc: nc, br: bufio.NewReader(nc)}
	r, err := http.ReadResponse(s.br, nil)
	if err != nil {
		return nil, err
	}
	if r.StatusCode != http.StatusSwitchingProtocols {
		body, _ := io.ReadAll(r.Body)
		return nil, fmt.Errorf("handshake: %s %s", r.Status, strings.TrimSpace(string(body)))
	}
	return s, nil
}

// write sends one frame, masked with zeros.
func (s *socket) write(b0 byte, payload string) error {
	f := []byte{b0, 0x80 | 126}
	f = binary.BigEndian.AppendUint16(f, uint16(len(payload))) // longer than need be for short ones, and allowed
	if len(payload) <= 125 {
		f = []byte{b0, 0x80 | byte(len(payload))}
	}
	f = append(append(f, 0, 0, 0, 0), payload...)
	_, err := s.nc.Write(f)
	return err
}

// read reads one frame of less than 64 KiB.
func (s *socket) read() (b0 byte, payload string, err error) {
	var h [4]byte
	if _, err := io.ReadFull(s.br, h[:2]); err != nil {
		return 0, "", err
	}
	n := uint16(h[1])
	if n == 126 {
		if _, err := io.ReadFull(s.br, h[2:]); err != nil {
			return 0, "", err
		}
		n = binary.BigEndian.Uint16(h[2:])
	}
	b := make([]byte, n)
	_, err = io.ReadFull(s.br, b)
	return h[0], string(b), err
}
