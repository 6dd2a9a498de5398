package web

import (
	"crypto/tls"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"realtime/actors"
	"realtime/tests/frames"
)

// secure starts a second listener of the house, with TLS, and returns how to reach it.
func (h *house) secure(t *testing.T) (addr string, c *tls.Config) {
	t.Helper()
	server := httptest.NewTLSServer(http.NotFoundHandler()) // for its certificate
	certificates := server.TLS.Certificates
	server.Close()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = h.Serve(tls.NewListener(l, &tls.Config{Certificates: certificates, NextProtos: []string{"http/1.1"}}))
	}() // stopped by Shutdown
	return l.Addr().String(), &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2", "http/1.1"}}
}

// TestTLS: sockets, requests on one connection, and what is not TLS at all.
func TestTLS(t *testing.T) {
	h := open(t, nil)
	addr, config := h.secure(t)
	nc, err := tls.Dial("tcp", addr, config)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	if got := nc.ConnectionState().NegotiatedProtocol; got != "http/1.1" {
		t.Errorf("protocol %q, want http/1.1: a WebSocket needs it", got)
	}
	_ = nc.SetDeadline(time.Now().Add(patient))
	c := &raw{frames.New(nc)}
	c.send(t, frames.Head(http.MethodGet, target("vsn=2.0.0&apikey="+token(t)), host))
	if r, body := c.response(t); r.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("handshake: %d %s", r.StatusCode, body)
	}
	c.frame(t, frames.Text, `["1","1","realtime:s","phx_join",{"config":{"broadcast":{"self":true}}}]`)
	c.want(t, `["1","1","realtime:s","phx_reply",{"status":"ok","response":{"postgres_changes":[]}}]`)
	big := `{"type":"broadcast","event":"e","payload":{"a":"` + strings.Repeat("x", 1<<20) + `"}}`
	for range 5 {
		c.frame(t, frames.Text, `["1","2","realtime:s","broadcast",`+big+`]`)
		c.want(t, `[null,null,"realtime:s","broadcast",`+big+`]`)
	}
	c.alive(t)

	client := &http.Client{Transport: &http.Transport{TLSClientConfig: config, ForceAttemptHTTP2: true}, Timeout: patient}
	defer client.CloseIdleConnections()
	for range 2 {
		resp, err := client.Get("https://" + addr + "/healthcheck")
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != 200 || resp.ProtoMajor != 1 {
			t.Errorf("%d %s", resp.StatusCode, resp.Proto)
		}
	}
	plain, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	p := &raw{frames.New(plain)}
	_ = p.SetDeadline(time.Now().Add(patient))
	p.send(t, "GET /healthcheck HTTP/1.1\r\nHost: a\r\n\r\n")
	p.wantEnd(t)
}

// TestSlowTLSHandshakesAreCut: who says nothing, or half of a hello, is hung up on as with any other head.
func TestSlowTLSHandshakesAreCut(t *testing.T) {
	h := open(t, func(o *Options, _ *actors.Options) { o.HeadTimeout = 300 * time.Millisecond })
	addr, _ := h.secure(t)
	for _, start := range []string{"", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc"} {
		nc, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		c := &raw{frames.New(nc)}
		_ = c.SetDeadline(time.Now().Add(patient))
		if start != "" {
			c.send(t, start)
		}
		c.wantEnd(t)
	}
}
