package frames

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// Client is the client's end of a connection. What is read goes through Buffered, what is written does not.
type Client struct {
	net.Conn
	Buffered *bufio.Reader
}

// New is over a connection that stands.
func New(nc net.Conn) *Client { return &Client{Conn: nc, Buffered: bufio.NewReader(nc)} }

// Dial connects over TCP. Its reads and writes fail after limit, unless another deadline is set.
func Dial(ctx context.Context, addr string, limit time.Duration) (*Client, error) {
	nc, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	return New(nc), nc.SetDeadline(time.Now().Add(limit))
}

// Next reads one frame.
func (c *Client) Next() (first byte, payload []byte, err error) { return Read(c.Buffered) }

// Upgrade asks for a WebSocket and returns the answer, whatever it is.
func (c *Client) Upgrade(target, host string) (*http.Response, error) {
	if _, err := io.WriteString(c, Head(http.MethodGet, target, host)); err != nil {
		return nil, err
	}
	return http.ReadResponse(c.Buffered, nil)
}

// Head is a good handshake. lines replace or add headers: "Name: value", or "Name:" to remove one.
func Head(method, target, host string, lines ...string) string {
	order := []string{"Host", "Connection", "Upgrade", "Sec-WebSocket-Key", "Sec-WebSocket-Version"}
	values := map[string]string{
		"Host": host, "Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version": "13",
	}
	for _, line := range lines {
		name, value, _ := strings.Cut(line, ":")
		if _, known := values[name]; !known {
			order = append(order, name)
		}
		values[name] = strings.TrimSpace(value)
	}
	var b strings.Builder
	b.WriteString(method + " " + target + " HTTP/1.1\r\n")
	for _, name := range order {
		if values[name] != "" {
			b.WriteString(name + ": " + values[name] + "\r\n")
		}
	}
	return b.String() + "\r\n"
}
