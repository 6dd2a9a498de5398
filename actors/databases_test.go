package actors

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"os"
	"strings"
	"testing"
	"time"

	"realtime/postgres"
	"realtime/postgres/pgtest"
	"realtime/protocol/codes"
	"realtime/tenancy"
)

// TestTenantsWithDatabasesOfTheirOwn: each gets its own rows, and one whose database is away has its public channels all the
// same, and is told what does not work.
func TestTenantsWithDatabasesOfTheirOwn(t *testing.T) {
	s := newSite(t, Options{LiveTimeout: time.Second}, todos...)
	other := pgtest.DB(t)
	pgtest.Exec(t, other, todos...)
	away := other
	away.Port = 1
	a := s.connect(alice)
	a.watch()
	s.tenant = s.elsewhere("second", other)
	b := s.connect(alice)
	b.watch()
	s.tenant = s.elsewhere("third", away)
	c := s.connect(alice)

	pgtest.Exec(t, s.db, insert(1))
	pgtest.Exec(t, other, insert(2))
	a.want(`"type":"INSERT"`, `"id":1`)
	b.want(`"type":"INSERT"`, `"id":2`)
	a.quiet(200 * time.Millisecond)
	b.quiet(10 * time.Millisecond)

	c.p.send(`["1","1","realtime:x","phx_join",{"config":{"broadcast":{"self":true},"presence":{"enabled":true,"key":"k"}}}]`)
	c.want(`["1","1","realtime:x","phx_reply",{"status":"ok"`)
	c.want(`"presence_state",{}`)
	c.p.send(`["1","2","realtime:x","broadcast",{"n":1}]`)
	c.want(`"broadcast",{"n":1}`)
	c.p.send(`["1","3","realtime:x","presence",{"event":"track","payload":{}}]`)
	c.want(`"presence_diff"`)
	c.want(`["1","3","realtime:x","phx_reply",{"status":"ok"`)
	c.p.send(`["2","4","realtime:y","phx_join",{"config":{"private":true}}]`)
	c.want(`["2","4","realtime:y","phx_reply",{"status":"error","response":{"reason":"UnableToConnectToProject: Realtime was unable to connect to the project database"}}]`)
	c.p.send(`["3","5","realtime:z","phx_join",{"config":{"postgres_changes":[{"event":"*","schema":"public","table":"todos"}]}}]`)
	c.want(`["3","5","realtime:z","phx_reply",{"status":"ok"`)
	c.want(`"system"`, `"extension":"postgres_changes"`, `"status":"error"`)
	s.logs(codes.UnableToConnectToTenantDatabase)
}

// selfMade writes a certificate that nobody else vouches for.
func selfMade(t *testing.T) func(certFile, keyFile string) {
	return func(certFile, keyFile string) {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		cert := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
		der, err := x509.CreateCertificate(rand.Reader, cert, cert, &key.PublicKey, key)
		if err != nil {
			t.Fatal(err)
		}
		secret, err := x509.MarshalECPrivateKey(key)
		if err != nil {
			t.Fatal(err)
		}
		for name, block := range map[string]*pem.Block{certFile: {Type: "CERTIFICATE", Bytes: der}, keyFile: {Type: "EC PRIVATE KEY", Bytes: secret}} {
			if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestSSLEnforced: a database without TLS is named with what helps; one with TLS is used over it, for policies and for both
// feeds.
func TestSSLEnforced(t *testing.T) {
	s := newPrivateSite(t, "create policy all_may on realtime.messages for all to authenticated using (true) with check (true)")
	pgtest.Exec(t, s.db, todos...)
	enforced := func(id string) *tenancy.Tenant {
		row, err := tenancy.Seed(t.Context(), s.store, tenancy.SeedOptions{ExternalID: id, JWTSecret: "a secret of the test", Database: s.db, SSLEnforced: true})
		if err != nil {
			t.Fatal(err)
		}
		return row
	}
	s.tenant = enforced("refused")
	a := s.connect(alice)
	a.p.send(`["1","1","realtime:x","phx_join",{"config":{"private":true}}]`)
	a.want(`"phx_reply",{"status":"error"`, "UnableToConnectToProject")
	if log := s.log.String(); !strings.Contains(log, "it does not offer TLS") || !strings.Contains(log, "ssl_enforced") {
		t.Error("the log does not say what helps")
	}

	pgtest.ServeTLS(t, s.db, selfMade(t))
	s.tenant = enforced("served")
	b := s.connect(alice)
	b.watch()
	b.p.send(`["2","2","realtime:x","phx_join",{"config":{"private":true,"broadcast":{"replication_ready":true}}}]`)
	b.want(`["2","2","realtime:x","phx_reply",{"status":"ok"`)
	b.want("Replication connection established")
	var plain, over int
	err := pgtest.Conn(t, s.db).QueryRow(t.Context(), `select count(*) filter (where not s.ssl), count(*) filter (where s.ssl) from pg_stat_ssl s join pg_stat_activity a using (pid)
		where a.datname = current_database() and a.application_name in ('realtime_connect', 'realtime_changes', 'realtime_replication_connection')`).Scan(&plain, &over)
	if err != nil || plain != 0 || over < 4 {
		t.Errorf("%d connections without TLS, %d with it, %v; want none and at least four", plain, over, err)
	}
	if d, err := s.tenant.Database(); err != nil || d.Settings.TLS.Mode != postgres.TLSRequire {
		t.Errorf("got %+v, %v", d.Settings.TLS, err)
	}
}
