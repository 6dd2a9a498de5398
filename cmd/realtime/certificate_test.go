package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"log/slog"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// writePair writes a self-signed certificate for localhost, with this serial number, and its key.
func writePair(t *testing.T, dir string, serial int64) (certFile, keyFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	certFile, keyFile = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	write := func(name, kind string, der []byte) {
		if err := os.WriteFile(name, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(certFile, "CERTIFICATE", der)
	write(keyFile, "PRIVATE KEY", keyDER)
	return certFile, keyFile
}

func TestCertificateFollowsItsFiles(t *testing.T) {
	dir := t.TempDir()
	certFile, keyFile := writePair(t, dir, 1)
	c, err := newCertificate(certFile, keyFile, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	c.now = func() time.Time { return now }
	want := func(serial int64, when string) {
		t.Helper()
		if got := c.get().Leaf.SerialNumber.Int64(); got != serial {
			t.Errorf("%s: certificate %d, want %d", when, got, serial)
		}
	}
	want(1, "at first")
	other := t.TempDir()
	newCert, _ := writePair(t, other, 2)
	if err := os.Chtimes(newCert, time.Time{}, now.Add(time.Second)); err != nil { // clocks of file systems are coarse
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(other, "cert.pem"), certFile); err != nil {
		t.Fatal(err)
	}
	want(1, "before it looks again")
	now = now.Add(2 * certificateGap)
	want(1, "half replaced")
	if err := os.Rename(filepath.Join(other, "key.pem"), keyFile); err != nil {
		t.Fatal(err)
	}
	now = now.Add(2 * certificateGap)
	want(2, "replaced")
	if err := os.Remove(keyFile); err != nil {
		t.Fatal(err)
	}
	now = now.Add(2 * certificateGap)
	want(2, "key gone")
}

func TestTLSFilesAreChecked(t *testing.T) {
	dir := t.TempDir()
	certFile, keyFile := writePair(t, dir, 1)
	for name, c := range map[string]struct {
		cert, key string
		wrong     string
	}{
		"both":     {certFile, keyFile, ""},
		"neither":  {"", "", ""},
		"no key":   {certFile, "", "REALTIME_TLS_KEY"},
		"no cert":  {"", keyFile, "REALTIME_TLS_CERT"},
		"switched": {keyFile, certFile, "REALTIME_TLS_CERT"},
		"missing":  {certFile + "x", keyFile, "REALTIME_TLS_CERT"},
	} {
		got := ""
		for _, p := range (&Config{TLSCert: c.cert, TLSKey: c.key}).checkTLS() {
			got += p.Name
		}
		if got != c.wrong {
			t.Errorf("%s: problems %q, want %q", name, got, c.wrong)
		}
	}
}
