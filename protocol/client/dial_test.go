package client

import (
	"bufio"
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"realtime/protocol"
)

func TestEndpoint(t *testing.T) {
	for _, c := range []struct {
		o    Options
		want string
	}{
		{Options{URL: "ws://h:4000"}, "ws://h:4000/socket/websocket?vsn=2.0.0"},
		{Options{URL: "http://h:4000/"}, "ws://h:4000/socket/websocket?vsn=2.0.0"},
		{Options{URL: "https://h/socket", APIKey: "a.b+c"}, "wss://h/socket/websocket?apikey=a.b%2Bc&vsn=2.0.0"},
		{Options{URL: "wss://h/realtime/v1/", Version: protocol.V1}, "wss://h/realtime/v1/websocket?vsn=1.0.0"},
		{Options{URL: "ws://h/socket/websocket?log_level=info"}, "ws://h/socket/websocket?log_level=info&vsn=2.0.0"},
		{Options{URL: "ws://h/socket?vsn=3"}, "ws://h/socket/websocket?vsn=3"},
		{Options{URL: "ws://h/other"}, "ws://h/other?vsn=2.0.0"},
	} {
		u, err := c.o.withDefaults().endpoint()
		if err != nil {
			t.Errorf("%s: %v", c.o.URL, err)
			continue
		}
		if got := u.String(); got != c.want {
			t.Errorf("%s: %s, want %s", c.o.URL, got, c.want)
		}
	}
	for _, bad := range []string{"", "h:4000", "ftp://h", "ws://", "://"} {
		if u, err := (Options{URL: bad}).endpoint(); err == nil {
			t.Errorf("%q became %s", bad, u)
		}
	}
}

func TestAddress(t *testing.T) {
	for in, want := range map[string]string{"ws://h": "h:80", "wss://h": "h:443", "ws://h:1": "h:1", "ws://[::1]": "[::1]:80"} {
		u, err := url.Parse(in)
		if err != nil {
			t.Fatal(err)
		}
		if got := address(u); got != want {
			t.Errorf("address(%s) = %s, want %s", in, got, want)
		}
	}
}

func TestHandshakeCarriesKeyAndHeaders(t *testing.T) {
	s := newServer(t, httptest.NewServer)
	dial(t, s, Options{APIKey: "k", Header: http.Header{"Host": {"acme.example.com"}, "X-Api-Key": {"t"}}})
	s.set(func(s *server) {
		if s.query != "apikey=k&vsn=2.0.0" || s.headers.Get("Host") != "acme.example.com" || s.headers.Get("X-Api-Key") != "t" {
			t.Errorf("the server saw %s, host %s, key %s", s.query, s.headers.Get("Host"), s.headers.Get("X-Api-Key"))
		}
	})
}

func TestRefusedHandshakeHoldsStatusAndBody(t *testing.T) {
	s := newServer(t, httptest.NewServer)
	_, err := Dial(t.Context(), Options{URL: s.url(), APIKey: "bad"})
	refused, ok := errors.AsType[*HandshakeError](err)
	if !ok {
		t.Fatalf("Dial = %v, want a HandshakeError", err)
	}
	if refused.Status != 401 || refused.Body != `{"error":"API key is missing"}` || refused.Header.Get("content-type") != "application/json" {
		t.Errorf("refusal: %d %q %q", refused.Status, refused.Body, refused.Header.Get("content-type"))
	}
}

func TestRefusalWithoutBody(t *testing.T) {
	s := newServer(t, httptest.NewServer)
	_, err := Dial(t.Context(), Options{URL: s.url() + "?vsn=3.0.0"})
	if refused, ok := errors.AsType[*HandshakeError](err); !ok || refused.Status != 403 || refused.Body != "" {
		t.Errorf("Dial = %v, want a 403 without a body", err)
	}
}

// The answer may come in pieces, the body after gws has closed the connection in its mind.
func TestRefusalInPieces(t *testing.T) {
	near, far := net.Pipe()
	go func() { // ends with the pipe, which upgrade closes
		defer far.Close()
		if _, err := http.ReadRequest(bufio.NewReader(far)); err != nil {
			return
		}
		for _, piece := range []string{"HTTP/1.1 429 Too Many Requests\r\nContent-Length: 8\r\n\r\n", "too ", "many"} {
			if _, err := far.Write([]byte(piece)); err != nil { // returns when it has been read
				return
			}
		}
	}()
	u := &url.URL{Scheme: "ws", Host: "h", Path: "/"}
	_, err := upgrade(t.Context(), near, u, Options{}.withDefaults(), &handler{})
	if refused, ok := errors.AsType[*HandshakeError](err); !ok || refused.Status != 429 || refused.Body != "too many" {
		t.Errorf("upgrade = %v, want 429 too many", err)
	}
}

func TestDialOverTLS(t *testing.T) {
	s := newServer(t, httptest.NewTLSServer)
	join(t, dial(t, s, Options{}), `{"config":{}}`)
	if _, err := Dial(t.Context(), Options{URL: s.url()}); err == nil {
		t.Error("an unknown certificate was accepted")
	}
}

func TestDialGivesUpWithItsContext(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	ctx, cancel := context.WithCancel(t.Context())
	accepted := make(chan net.Conn, 1)
	go func() { // ends with silent
		conn, err := silent.Accept()
		if err == nil {
			accepted <- conn
			cancel()
		}
	}()
	if _, err := Dial(ctx, Options{URL: "ws://" + silent.Addr().String()}); !errors.Is(err, context.Canceled) {
		t.Errorf("Dial = %v, want context.Canceled", err)
	}
	_ = (<-accepted).Close()
}
