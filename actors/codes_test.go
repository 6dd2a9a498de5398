package actors

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"maps"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"realtime/postgres"
	"realtime/postgres/messages"
	"realtime/postgres/pgtest"
	"realtime/postgres/wal"
	"realtime/protocol"
	"realtime/protocol/codes"
	"realtime/tenancy"
	"realtime/tests/leaks"
)

// logs waits until the log has a line with a code.
func (s *site) logs(code codes.Code) {
	s.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !strings.Contains(s.log.String(), "code="+string(code)); pause(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			s.t.Fatalf("%s is not logged", code)
		}
	}
}

// elsewhere is the row of another tenant, with a database of its own.
func (s *site) elsewhere(id string, db postgres.Settings) *tenancy.Tenant {
	s.t.Helper()
	row, err := tenancy.Seed(s.t.Context(), s.store, tenancy.SeedOptions{ExternalID: id, JWTSecret: "a secret of the test", Database: db})
	if err != nil {
		s.t.Fatal(err)
	}
	return row
}

// TestCodesOfFeeds: what keeps changes from flowing is logged under upstream's names.
func TestCodesOfFeeds(t *testing.T) {
	s := newSite(t, Options{}, todos...)
	a := s.connect(alice)
	a.watch()
	pgtest.Exec(t, s.db, cutWalsender)
	s.logs(codes.PoolingReplicationError)

	bare := pgtest.DB(t)
	pgtest.Exec(t, bare, "drop publication supabase_realtime")
	nowhere := s.db
	nowhere.Port = 1
	broken := *s.elsewhere("broken", s.db)
	broken.Extensions = []tenancy.Extension{broken.Extensions[0]}
	broken.Extensions[0].Settings = maps.Clone(broken.Extensions[0].Settings)
	broken.Extensions[0].Settings["db_port"] = true
	for code, row := range map[codes.Code]*tenancy.Tenant{
		codes.PoolingReplicationPreparationError: s.elsewhere("bare", bare),
		codes.ReplicationPollerConnectionFailed:  s.elsewhere("nowhere", nowhere),
		codes.ErrorStartingPostgresCDC:           &broken,
	} {
		s.tenant = row
		s.connect(alice).p.send(`["1","1","realtime:todos","phx_join",{"config":{"postgres_changes":[{"event":"*","schema":"public","table":"todos"}]}}]`)
		s.logs(code)
	}
	if f := databaseFault(errors.New("odd"), codes.UnableToSubscribeToPostgres); f.Code != codes.UnableToSubscribeToPostgres {
		t.Errorf("got %s", f.Code)
	}
}

// TestCodesOfTheTenantsPool: a host with IPv4 addresses only, and one that takes for ever to answer.
func TestCodesOfTheTenantsPool(t *testing.T) {
	s := newSite(t, Options{})
	named := s.db
	named.Host = "localhost"
	d := s.s.newTenantDatabase(s.elsewhere("named", named), newFigures("named", newCounts(s.s.rates, s.tenant)))
	if _, err := d.open(t.Context()); err != nil {
		t.Fatal(err)
	}
	ips, err := net.DefaultResolver.LookupNetIP(t.Context(), "ip6", "localhost")
	if said := strings.Contains(s.log.String(), string(codes.DatabaseIpVersionIsIpv4)); said != (err != nil || len(ips) == 0) {
		t.Errorf("localhost has %v (%v) for IPv6, said to have none: %v", ips, err, said)
	}

	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	silent := s.db
	silent.Port = l.Addr().(*net.TCPAddr).Port
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := s.s.newTenantDatabase(s.elsewhere("silent", silent), newFigures("silent", newCounts(s.s.rates, s.tenant))).open(ctx); err == nil || codes.Of(err).Code != codes.InitializingProjectConnection {
		t.Errorf("got %v", err)
	}
}

// TestADatabaseThatGoesAwayIsSaidOnce, and that it is back.
func TestADatabaseThatGoesAwayIsSaidOnce(t *testing.T) {
	var log bytes.Buffer
	tn := &tenant{log: slog.New(slog.NewTextHandler(leaks.Watch(t, &log), nil))}
	for _, err := range []error{nil, errors.New("cut"), errors.New("cut"), nil, nil} {
		tn.sees(err)
	}
	if got := log.String(); strings.Count(got, string(codes.DatabaseConnectionDown)) != 1 || strings.Count(got, "is back") != 1 {
		t.Errorf("got %s", got)
	}
}

func TestCodesOfSlots(t *testing.T) {
	var log leaks.Record
	f := &feed{log: slog.New(slog.NewTextHandler(leaks.Watch(t, &log), nil))}
	said := ""
	for _, c := range []struct {
		state wal.State
		code  codes.Code
	}{
		{wal.State{Status: "lost"}, codes.ReplicationSlotNotAlive},
		{wal.State{}, codes.ReplicationSlotNotAlive},
		{wal.State{Status: "reserved", Retained: 900, Safe: 100}, codes.ReplicationSlotLagTooHigh},
	} {
		before := len(log.String())
		said = f.warn("slot", &c.state, said)
		if got := log.String()[before:]; !strings.Contains(got, "code="+string(c.code)) {
			t.Errorf("%+v: got %s", c.state, got)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	over := make(chan struct{})
	go func() { // ends with ctx
		defer close(over)
		_ = f.watch(ctx, &slot{settings: postgres.Settings{Host: "127.0.0.1", Port: 1, User: "u", Database: "d"}})
	}()
	for deadline := time.Now().Add(10 * time.Second); !strings.Contains(log.String(), string(codes.ReplicationSlotCheckSkipped)); pause(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("a look that failed is not logged")
		}
	}
	cancel()
	<-over
}

func TestARowOfAnotherTableIsNamed(t *testing.T) {
	var log bytes.Buffer
	r := &messageRows{log: slog.New(slog.NewTextHandler(leaks.Watch(t, &log), nil))}
	if lost := r.lose(t.Context(), nil, &messages.RelationError{Schema: "public", Table: "other"}, ""); len(lost) != 0 || !strings.Contains(log.String(), string(codes.UnexpectedMessageReceived)) {
		t.Errorf("got %v %s", lost, log.String())
	}
}

// TestCodesOfRates: what is over a limit is logged once, and the edge is told.
func TestCodesOfRates(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, n *node) {
		n.tenant.Limits.JoinsPerSecond, n.tenant.Limits.PresenceEventsPerSecond = 1, 1
		a := n.connect(protocol.V2)
		for range 20 {
			a.send(`["1","1","realtime:a","phx_join",{"config":{"presence":{"enabled":true}}}]`)
		}
		a.take()
		pause(6 * time.Second) // the meters look every 5 s
		if err := n.s.Admit(t.Context(), n.tenant); err == nil || codes.Of(err).Code != codes.JoinsRateLimitReached {
			t.Errorf("admit: %v", err)
		}
		n.s.sys.Root.Send(n.s.tenants, "a message that nobody knows")
		synctest.Wait()
		for _, code := range []codes.Code{codes.ClientJoinRateLimitReached, codes.PresenceRateLimitReached, codes.UnhandledProcessMessage} {
			if got := strings.Count(n.log.String(), "code="+string(code)); got != 1 {
				t.Errorf("%s is logged %d times:\n%s", code, got, n.log.String())
			}
		}
	})
}

// TestAClosedChannelIsLoggedForWhoWantsIt: at log_level info, not by default.
func TestAClosedChannelIsLoggedForWhoWantsIt(t *testing.T) {
	s := newSite(t, Options{})
	for _, level := range []slog.Level{slog.LevelError, slog.LevelInfo} {
		a := s.connect(alice)
		if strings.Contains(s.log.String(), string(codes.ChannelShutdown)) {
			t.Error("logged for a client that wants errors only")
		}
		a.p.r.hello.LogLevel = level
		a.p.send(`["1","1","realtime:x","phx_join",{"config":{}}]`)
		a.want(`"phx_reply",{"status":"ok"`)
		a.p.send(`["1","2","realtime:x","access_token",{"access_token":"bad"}]`)
		a.want(`"message":"The token provided is not a valid JWT"`)
		a.want("phx_close")
	}
	s.logs(codes.ChannelShutdown)
}
