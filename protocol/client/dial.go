package client

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/lxzan/gws"
)

// HandshakeError is the answer of a server that did not open the WebSocket.
type HandshakeError struct {
	Status int
	Body   string
	Header http.Header
}

func (e *HandshakeError) Error() string {
	return fmt.Sprintf("handshake refused: %d %s", e.Status, strings.TrimSpace(e.Body))
}

const (
	handshakeTimeout = 30 * time.Second // longer than servers make a refused client wait
	bodyTimeout      = time.Second
	maxBody          = 64 << 10
)

// Dial connects. ctx is for the handshake alone. An error is a *HandshakeError if the server refused.
func Dial(ctx context.Context, o Options) (*Client, error) {
	o = o.withDefaults()
	u, err := o.endpoint()
	if err != nil {
		return nil, err
	}
	raw, err := connect(ctx, u, o.TLS)
	if err != nil {
		return nil, err
	}
	c := &Client{
		o: o, closing: make(chan struct{}), done: make(chan struct{}), other: make(chan Event, otherBuffer),
		waiting: map[string]chan Event{}, joined: map[string]*Channel{}, topics: map[string]*Channel{},
	}
	if c.conn, err = upgrade(ctx, raw, u, o, &handler{c: c}); err != nil {
		return nil, err
	}
	life, stop := context.WithCancelCause(context.WithoutCancel(ctx))
	c.stop = stop
	go c.conn.ReadLoop() // ends with the connection
	if o.Heartbeat > 0 {
		go c.heartbeats(life) // ends with life, which OnClose ends
	}
	return c, nil
}

// connect makes the connection that the WebSocket runs on.
func connect(ctx context.Context, u *url.URL, config *tls.Config) (net.Conn, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", address(u))
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	if u.Scheme != "wss" {
		return conn, nil
	}
	if config == nil {
		config = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	if config = config.Clone(); config.ServerName == "" {
		config.ServerName = u.Hostname()
	}
	secure := tls.Client(conn, config)
	if err := secure.HandshakeContext(ctx); err != nil {
		_ = conn.Close() // the first error is the one to tell
		return nil, fmt.Errorf("start tls: %w", err)
	}
	return secure, nil
}

// heldConn keeps its connection open when gws closes it after a refusal, so that the rest of the answer can be read.
type heldConn struct {
	net.Conn
	held bool
}

func (c *heldConn) Close() error {
	if c.held {
		return nil
	}
	return c.Conn.Close()
}

// upgrade does the WebSocket handshake.
func upgrade(ctx context.Context, raw net.Conn, u *url.URL, o Options, h gws.Event) (*gws.Conn, error) {
	unwatch := context.AfterFunc(ctx, func() { _ = raw.Close() })
	defer unwatch()
	held := &heldConn{Conn: raw, held: true}
	conn, resp, err := gws.NewClientFromConn(h, &gws.ClientOption{
		Addr: u.String(), RequestHeader: o.Header.Clone(), HandshakeTimeout: handshakeTimeout,
		ReadMaxPayloadSize: o.MaxMessageBytes, WriteMaxPayloadSize: o.MaxMessageBytes,
	}, held)
	held.held = false
	if err == nil {
		return conn, nil
	}
	defer raw.Close()
	if ctx.Err() != nil {
		return nil, fmt.Errorf("upgrade: %w", context.Cause(ctx))
	}
	if resp == nil || resp.StatusCode == http.StatusSwitchingProtocols {
		return nil, fmt.Errorf("upgrade: %w", err)
	}
	_ = raw.SetReadDeadline(time.Now().Add(bodyTimeout)) // whatever has come by then will do
	body, _ := io.ReadAll(io.LimitReader(resp.Body, maxBody))
	return nil, &HandshakeError{Status: resp.StatusCode, Body: string(body), Header: resp.Header}
}
