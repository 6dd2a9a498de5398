package client

import (
	"context"
	"errors"
	"net/http"

	"realtime/protocol"
)

var errUnfinished = errors.New("client: unfinished")

// Options say where to connect and as whom.
type Options struct {
	URL     string
	APIKey  string
	Version protocol.Version
	Header  http.Header
}

// HandshakeError is the answer of a server that refused the upgrade.
type HandshakeError struct {
	Status int
	Body   string
}

func (e *HandshakeError) Error() string { return e.Body }

// Event is one message from the server.
type Event struct {
	JoinRef, Ref, Topic, Event string
	Payload                    []byte
}

// Client is one connection.
type Client struct{}

// Channel is one joined topic.
type Channel struct{}

func Dial(ctx context.Context, o Options) (*Client, error) { return nil, errUnfinished }
func (c *Client) Join(ctx context.Context, topic string, config any) (*Channel, error) {
	return nil, errUnfinished
}
func (c *Client) Send(data []byte, binary bool) error { return errUnfinished }
func (c *Client) Close() error                        { return nil }
func (c *Channel) Broadcast(ctx context.Context, event string, payload any) error {
	return errUnfinished
}
func (c *Channel) Track(ctx context.Context, payload any) error { return errUnfinished }
func (c *Channel) Untrack(ctx context.Context) error            { return errUnfinished }
func (c *Channel) AccessToken(ctx context.Context, token string) error {
	return errUnfinished
}
func (c *Channel) Events() <-chan Event            { return nil }
func (c *Channel) Leave(ctx context.Context) error { return errUnfinished }
