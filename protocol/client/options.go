package client

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"realtime/protocol"
)

// Options say where to connect and as whom.
type Options struct {
	// URL of the server: ws, wss, http or https. Without a path it gets /socket/websocket; one that ends in /socket or
	// /v1, as applications configure it, gets /websocket. Its query is kept.
	URL string
	// APIKey is the connection token, sent as the parameter apikey; "" sends none.
	APIKey string
	// Version of the protocol; 0 means V2.
	Version protocol.Version
	// Header is added to the handshake. A Host in it is the host asked for.
	Header http.Header
	// TLS is for wss; nil means the defaults.
	TLS *tls.Config
	// Heartbeat is the time between two heartbeats: 0 means 25 s, below 0 sends none.
	Heartbeat time.Duration
	// Buffer is how many events a channel holds before it stops the reading; 0 means 1024.
	Buffer int
	// MaxMessageBytes bounds a message of the server; 0 means 64 MiB.
	MaxMessageBytes int
}

func (o Options) withDefaults() Options {
	if o.Version == 0 {
		o.Version = protocol.V2
	}
	if o.Heartbeat == 0 {
		o.Heartbeat = 25 * time.Second
	}
	if o.Buffer <= 0 {
		o.Buffer = 1024
	}
	if o.MaxMessageBytes <= 0 {
		o.MaxMessageBytes = 64 << 20
	}
	return o
}

// endpoint returns the address of the WebSocket.
func (o Options) endpoint() (*url.URL, error) {
	u, err := url.Parse(o.URL)
	if err != nil {
		return nil, fmt.Errorf("parse url: %w", err)
	}
	switch u.Scheme {
	case "ws", "wss":
	case "http":
		u.Scheme = "ws"
	case "https":
		u.Scheme = "wss"
	default:
		return nil, fmt.Errorf("parse url: scheme %q is none of ws, wss, http, https", u.Scheme)
	}
	if u.Host == "" {
		return nil, fmt.Errorf("parse url: no host")
	}
	switch path := strings.TrimSuffix(u.Path, "/"); {
	case path == "":
		u.Path = "/socket/websocket"
	case strings.HasSuffix(path, "/socket") || strings.HasSuffix(path, "/v1"):
		u.Path = path + "/websocket"
	}
	q := u.Query()
	if o.APIKey != "" {
		q.Set("apikey", o.APIKey)
	}
	if !q.Has("vsn") {
		q.Set("vsn", o.Version.String())
	}
	u.RawQuery = q.Encode()
	return u, nil
}

// address returns what to dial.
func address(u *url.URL) string {
	if u.Port() != "" {
		return u.Host
	}
	if u.Scheme == "wss" {
		return u.Host + ":443"
	}
	return u.Host + ":80"
}
