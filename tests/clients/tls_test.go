package clients

import (
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"time"
)

// secure gives the server a certificate for 127.0.0.1: it and its clients speak TLS from its next start on.
func (s server) secure(t *testing.T) {
	t.Helper()
	example := httptest.NewTLSServer(http.NotFoundHandler()) // for its certificate
	defer example.Close()
	pair := example.TLS.Certificates[0]
	key, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, block := range map[string]*pem.Block{
		"/cert.pem": {Type: "CERTIFICATE", Bytes: pair.Certificate[0]}, "/key.pem": {Type: "PRIVATE KEY", Bytes: key},
	} {
		if err := os.WriteFile(dir+name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s.Secure(dir+"/cert.pem", dir+"/key.pem")
	s.Set("NODE_EXTRA_CA_CERTS=" + dir + "/cert.pem")
}

// TestClientsOverTLS runs what every app does, with each client, over wss and https.
func TestClientsOverTLS(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a server")
	}
	modules(t)
	s := newServer(t)
	s.secure(t)
	t.Logf("ready after %s", s.Start().Round(time.Millisecond))
	ran := map[string]int{}
	s.nodeTests(t, ran, table{}, 3, "connect.test.js", "broadcast.test.js", "rest.test.js", "changes.test.js")
	for _, want := range names {
		if ran[want] == 0 {
			t.Errorf("no test of %s ran", want)
		}
	}
}
