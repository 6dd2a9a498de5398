package bench

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"realtime/protocol"
)

// opening is how one connection is made.
type opening struct {
	version protocol.Version
	claims  map[string]any
	token   string // instead of one with claims
	deaf    bool   // it will not read: a small window makes the server notice soon
	role    string // roleSubscriber or rolePublisher
}

const (
	roleSubscriber = "sub"
	rolePublisher  = "pub"
)

const (
	dialTimeout = 30 * time.Second
	smallWindow = 4096
)

// dial opens one connection for a reactor. rest is what came right behind the handshake.
func (t *Target) dial(ctx context.Context, o opening) (c *conn, rest []byte, err error) {
	nc, rest, err := t.open(ctx, o)
	if err != nil {
		return nil, nil, err
	}
	fd, err := detach(nc)
	if err != nil {
		return nil, nil, err
	}
	if t.peer != nil {
		o.version = 0 // what it says besides messages is of no interest
	}
	return &conn{fd: fd, version: o.version}, rest, nil
}

// open connects and does the handshake.
func (t *Target) open(ctx context.Context, o opening) (nc net.Conn, rest []byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	address, path, err := t.endpoint("/socket/websocket")
	if err != nil {
		return nil, nil, err
	}
	nc, err = new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, nil, fmt.Errorf("connect to %s: %w", address, err)
	}
	if tcp, ok := nc.(*net.TCPConn); ok && o.deaf {
		_ = tcp.SetReadBuffer(smallWindow) // only speeds things up
	}
	deadline, _ := ctx.Deadline()
	_ = nc.SetDeadline(deadline) // fails on a closed connection, as does all that follows
	unwatch := context.AfterFunc(ctx, func() { _ = nc.Close() })
	defer unwatch()
	if t.peer != nil {
		rest, err = t.peer.open(nc, o.role, t.host(address))
	} else {
		rest, err = t.upgrade(nc, address, path, o)
	}
	if err != nil {
		_ = nc.Close() // the first error is the one to tell
		return nil, nil, err
	}
	_ = nc.SetDeadline(time.Time{})
	return nc, rest, nil
}

// upgrade does the handshake of the protocol.
func (t *Target) upgrade(nc net.Conn, address, path string, o opening) ([]byte, error) {
	token := o.token
	if token == "" {
		var err error
		if token, err = t.token(o.claims); err != nil {
			return nil, err
		}
	}
	query := url.Values{"vsn": {o.version.String()}, "apikey": {token}}
	head := ""
	if t.Tenant != "" {
		head = "x-tenant-id: " + t.Tenant + "\r\n"
	}
	return webSocket(nc, t.host(address), path+"?"+query.Encode(), head)
}

// webSocket does the handshake of RFC 6455 and returns what came right behind it.
func webSocket(nc net.Conn, host, resource, head string) ([]byte, error) {
	var nonce [16]byte
	rand.Read(nonce[:]) // never fails, by its documentation
	_, err := fmt.Fprintf(nc, "GET %s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n%s\r\n", resource, host, base64.StdEncoding.EncodeToString(nonce[:]), head)
	if err != nil {
		return nil, fmt.Errorf("ask for a WebSocket: %w", err)
	}
	in := bufio.NewReader(nc)
	resp, err := http.ReadResponse(in, nil)
	if err != nil {
		return nil, fmt.Errorf("read the handshake's answer: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusSwitchingProtocols {
		body, _ := io.ReadAll(io.LimitReader(resp.Body, 4096)) // what there is will do
		return nil, fmt.Errorf("handshake refused: %s %s", resp.Status, bytes.TrimSpace(body))
	}
	rest := make([]byte, in.Buffered())
	_, err = io.ReadFull(in, rest)
	return rest, err
}
