package postgres

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
)

// TLSMode says how much a connection insists on TLS. The values are those of libpq's sslmode.
type TLSMode string

// The TLS modes. The zero TLSMode means TLSPrefer.
const (
	TLSDisable    TLSMode = "disable"     // never
	TLSPrefer     TLSMode = "prefer"      // when the server offers it, unverified
	TLSRequire    TLSMode = "require"     // always; unverified, unless CAFile is given: then as verify-ca
	TLSVerifyCA   TLSMode = "verify-ca"   // always; the certificate must come from a known authority
	TLSVerifyFull TLSMode = "verify-full" // always; and it must be for this host
)

// TLS holds the transport settings of a connection. A Unix socket never uses TLS, whatever the mode.
type TLS struct {
	Mode       TLSMode
	CAFile     string // PEM; empty means the system's authorities
	CertFile   string // PEM, the client's own certificate; needs KeyFile
	KeyFile    string // PEM, not encrypted
	ServerName string // name to expect in the certificate when it is not Host
}

func (t TLS) prefers() bool { return t.Mode == "" || t.Mode == TLSPrefer }

func (t TLS) check() error {
	switch t.Mode {
	case "", TLSDisable, TLSPrefer, TLSRequire, TLSVerifyCA, TLSVerifyFull:
	default:
		return fmt.Errorf("sslmode %q is none of disable, prefer, require, verify-ca, verify-full", string(t.Mode))
	}
	if (t.CertFile == "") != (t.KeyFile == "") {
		return errors.New("a client certificate needs both sslcert and sslkey")
	}
	return nil
}

// config builds what crypto/tls wants, reading the files.
func (t TLS) config(host string) (*tls.Config, error) {
	name := t.ServerName
	if name == "" {
		name = host
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: name}
	if t.CAFile != "" {
		pem, err := os.ReadFile(t.CAFile)
		if err != nil {
			return nil, fmt.Errorf("read CA file: %w", err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("read CA file: no PEM certificate in %s", t.CAFile)
		}
	}
	if t.CertFile != "" {
		pair, err := tls.LoadX509KeyPair(t.CertFile, t.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("read client certificate: %w", err)
		}
		c.Certificates = []tls.Certificate{pair}
	}
	switch {
	case t.Mode == TLSVerifyFull:
		return c, nil
	case t.Mode == TLSVerifyCA, t.Mode == TLSRequire && t.CAFile != "":
		c.VerifyConnection = verifyChain(c.RootCAs)
	}
	c.InsecureSkipVerify = true // no check of the name, as the mode asks; VerifyConnection, if set, checks the chain
	if net.ParseIP(name) != nil {
		c.ServerName = "" // not allowed in the handshake (RFC 6066 §3), and not needed to verify anything here
	}
	return c, nil
}

// verifyChain checks the certificate's authorities but not its name. roots nil means the system's.
func verifyChain(roots *x509.CertPool) func(tls.ConnectionState) error {
	return func(cs tls.ConnectionState) error {
		if len(cs.PeerCertificates) == 0 {
			return errors.New("verify server: it sent no certificate")
		}
		o := x509.VerifyOptions{Roots: roots, Intermediates: x509.NewCertPool()}
		for _, c := range cs.PeerCertificates[1:] {
			o.Intermediates.AddCert(c)
		}
		if _, err := cs.PeerCertificates[0].Verify(o); err != nil {
			return fmt.Errorf("verify server: %w", err)
		}
		return nil
	}
}

// withoutTLS adds what helps to the error of a server that was asked for TLS and does not offer it.
func withoutTLS(err error) error {
	if err == nil || !strings.Contains(err.Error(), "server refused TLS connection") { // pgx has no error of its own for it
		return err
	}
	return fmt.Errorf("%w: it does not offer TLS; switch it on there (ssl = on), or ask for none: ssl_enforced false in a tenant's settings, DB_SSL=false for the tenant rows", err)
}
