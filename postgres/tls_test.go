package postgres_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"realtime/postgres"
	"realtime/postgres/pgtest"
)

// authority signs certificates for tests.
type authority struct {
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
	file string // its certificate, PEM
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	a := &authority{key: key, file: filepath.Join(t.TempDir(), "ca.pem")}
	a.cert = &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test authority"}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, a.cert, a.cert, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	writePEM(t, a.file, "CERTIFICATE", der)
	return a
}

func writePEM(t *testing.T, file, kind string, der []byte) {
	t.Helper()
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
}

// issue writes a certificate for a host name, and its key.
func (a *authority) issue(t *testing.T, name, certFile, keyFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	cert := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, cert, a.cert, &key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	writePEM(t, certFile, "CERTIFICATE", der)
	der, err = x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	writePEM(t, keyFile, "EC PRIVATE KEY", der)
}

// serveTLS switches the test server to TLS with a certificate for a name, until the end of the test.
func serveTLS(t *testing.T, s postgres.Settings, a *authority, name string) {
	t.Helper()
	pgtest.ServeTLS(t, s, func(certFile, keyFile string) { a.issue(t, name, certFile, keyFile) })
}

func TestTLSModes(t *testing.T) {
	s := pgtest.DB(t)
	ours, other := newAuthority(t), newAuthority(t)
	s.TLS = postgres.TLS{Mode: postgres.TLSRequire}
	if _, err := postgres.Connect(limited(t, time.Minute), s); err == nil || !strings.Contains(err.Error(), "TLS") {
		t.Errorf("require against a server without TLS: got %v", err)
	}
	s.TLS = postgres.TLS{}
	want(t, pgtest.Conn(t, s), "select ssl::text from pg_stat_ssl where pid = pg_backend_pid()", "false")

	serveTLS(t, s, ours, "db.test")
	const name = "db.test"
	for _, c := range []struct {
		what string
		tls  postgres.TLS
		ssl  string // "": refused
	}{
		{"disable", postgres.TLS{Mode: postgres.TLSDisable}, "false"},
		{"the zero mode", postgres.TLS{}, "true"},
		{"prefer", postgres.TLS{Mode: postgres.TLSPrefer}, "true"},
		{"require", postgres.TLS{Mode: postgres.TLSRequire}, "true"},
		{"require, right authority", postgres.TLS{Mode: postgres.TLSRequire, CAFile: ours.file}, "true"},
		{"require, wrong authority", postgres.TLS{Mode: postgres.TLSRequire, CAFile: other.file}, ""},
		{"verify-ca", postgres.TLS{Mode: postgres.TLSVerifyCA, CAFile: ours.file}, "true"},
		{"verify-ca, wrong authority", postgres.TLS{Mode: postgres.TLSVerifyCA, CAFile: other.file}, ""},
		{"verify-ca, the system's authorities", postgres.TLS{Mode: postgres.TLSVerifyCA}, ""},
		{"verify-full, right name", postgres.TLS{Mode: postgres.TLSVerifyFull, CAFile: ours.file, ServerName: name}, "true"},
		{"verify-full, wrong name", postgres.TLS{Mode: postgres.TLSVerifyFull, CAFile: ours.file, ServerName: "other.test"}, ""},
		{"verify-full, an address", postgres.TLS{Mode: postgres.TLSVerifyFull, CAFile: ours.file}, ""},
		{"verify-full, wrong authority", postgres.TLS{Mode: postgres.TLSVerifyFull, CAFile: other.file, ServerName: name}, ""},
	} {
		s.TLS = c.tls
		conn, err := postgres.Connect(limited(t, time.Minute), s)
		switch {
		case err != nil && c.ssl != "":
			t.Errorf("%s: %v", c.what, err)
		case err == nil && c.ssl == "":
			t.Errorf("%s: connected", c.what)
			_ = conn.Close(t.Context())
		case err == nil:
			want(t, conn, "select ssl::text from pg_stat_ssl where pid = pg_backend_pid()", c.ssl)
			_ = conn.Close(t.Context())
		}
	}
	s.TLS = postgres.TLS{}
}

func TestClientCertificateIsSent(t *testing.T) {
	s := pgtest.DB(t)
	a := newAuthority(t)
	plain := s
	serveTLS(t, plain, a, "db.test")
	var cluster string
	if err := pgtest.Conn(t, plain).QueryRow(limited(t, time.Minute), "show data_directory").Scan(&cluster); err != nil {
		t.Fatal(err)
	}
	pem, err := os.ReadFile(a.file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(cluster, "ca.crt"), pem, 0o644); err != nil {
		t.Fatal(err)
	}
	pgtest.Exec(t, plain, "alter system set ssl_ca_file = 'ca.crt'", "select pg_reload_conf()")
	t.Cleanup(func() { pgtest.Exec(t, plain, "alter system reset ssl_ca_file", "select pg_reload_conf()") })
	dir := t.TempDir()
	s.TLS = postgres.TLS{Mode: postgres.TLSRequire, CertFile: filepath.Join(dir, "c.pem"), KeyFile: filepath.Join(dir, "k.pem")}
	a.issue(t, "ann", s.TLS.CertFile, s.TLS.KeyFile)
	for { // until the postmaster has read the new setting
		conn := pgtest.Conn(t, s)
		var subject string
		if err := conn.QueryRow(limited(t, time.Minute), "select coalesce(client_dn, '') from pg_stat_ssl where pid = pg_backend_pid()").Scan(&subject); err != nil {
			t.Fatal(err)
		}
		if subject == "/CN=ann" {
			return
		}
		<-time.After(5 * time.Millisecond)
	}
}
