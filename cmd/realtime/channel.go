package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"realtime/protocol"
	"realtime/protocol/client"
)

// channelFlags say which channel `pub` and `sub` join, where, and as whom.
type channelFlags struct {
	URL   string `placeholder:"URL" help:"Address of the server, such as https://example.com; unset: the one on this machine."`
	Token string `placeholder:"JWT" help:"Token to use; unset: one for --role, signed with this machine's secret."`
	Role  string `enum:"anon,authenticated,service_role" default:"anon" help:"Role of that token: anon, authenticated or service_role."`
	Sub   string `placeholder:"ID" help:"User id in that token."`
}

// joinTimeout covers the connection and the join together; a join waits up to
// eight seconds for its subscription.
const joinTimeout = 15 * time.Second

// join opens a connection and joins topic with config, the value of "config" in
// the join. The caller closes the client.
func (f *channelFlags) join(ctx context.Context, p *process, topic string, config map[string]any) (*client.Client, *client.Channel, error) {
	ctx, cancel := context.WithTimeout(ctx, joinTimeout)
	defer cancel()
	c, err := p.config()
	if err != nil {
		return nil, nil, err
	}
	token := f.Token
	if token == "" {
		t := tokenCommand{Role: f.Role, Sub: f.Sub, TTL: 24 * time.Hour}
		claims, cerr := t.claims(time.Now())
		if cerr != nil {
			return nil, nil, cerr
		}
		if token, err = sign(ctx, c, "", claims); err != nil {
			return nil, nil, err
		}
	}
	address := f.address(c)
	conn, err := client.Dial(ctx, client.Options{URL: address, APIKey: token, Version: protocol.V2})
	if err != nil {
		return nil, nil, connectFailure(address, err)
	}
	ch, err := conn.Join(ctx, fullTopic(topic), map[string]any{"config": config, "access_token": token})
	if err != nil {
		conn.Close()
		return nil, nil, &failure{step: "join " + fullTopic(topic), err: err}
	}
	return conn, ch, nil
}

// address is the server to dial: what --url says, else the server that runs in
// the data directory, else PORT on this machine.
func (f *channelFlags) address(c *Config) string {
	if f.URL != "" {
		return f.URL
	}
	if d, err := dataDirOf(c); err == nil && c.Embedded() {
		if st, err := readState(d); err == nil {
			return st.URL
		}
	}
	return fmt.Sprintf("%slocalhost:%d", c.scheme(), c.Port)
}

func connectFailure(address string, err error) error {
	f := &failure{step: "connect to " + address, err: err}
	if _, refused := errors.AsType[*client.HandshakeError](err); !refused {
		f.mend = "is it running? start it with: realtime serve"
	}
	return f
}

// fullTopic is the topic on the wire of what a person calls the channel.
func fullTopic(name string) string {
	if strings.HasPrefix(name, protocol.TopicPrefix) {
		return name
	}
	return protocol.TopicPrefix + name
}
