package client

import (
	"context"
	"fmt"
	"sync"

	"realtime/protocol"
)

// Channel is one joined topic.
type Channel struct {
	client   *Client
	topic    string
	joinRef  string
	ack      bool // broadcasts are answered
	response []byte
	events   chan Event
	left     chan struct{} // closed by Leave: nobody takes events any more
	leaving  sync.Once
}

// ReplyError is a request that the server answered with something else than ok.
type ReplyError struct {
	Event    string
	Status   string
	Reason   string // of the response, "" if it has none
	Response []byte
}

func (e *ReplyError) Error() string {
	if e.Reason != "" {
		return fmt.Sprintf("%s: %s", e.Event, e.Reason)
	}
	return fmt.Sprintf("%s: %s %s", e.Event, e.Status, e.Response)
}

// Join joins a topic, realtime:… in full. config is the whole payload of the join, made into JSON; nil stands for
// {"config":{}}. A refusal is a *ReplyError. Joining a topic again ends its earlier channel, as the server does.
func (c *Client) Join(ctx context.Context, topic string, config any) (*Channel, error) {
	payload := []byte(`{"config":{}}`)
	if config != nil {
		var err error
		if payload, err = marshal(config); err != nil {
			return nil, err
		}
	}
	ref := c.nextRef()
	ch := &Channel{client: c, topic: topic, joinRef: ref, events: make(chan Event, c.o.Buffer), left: make(chan struct{})}
	if join, err := protocol.ParseJoin(payload); err == nil {
		ch.ack = join.Ack
	}
	if err := c.register(ch); err != nil {
		return nil, err
	}
	e, err := c.request(ctx, ref, c.encode(ref, ref, topic, protocol.EventJoin, payload), false)
	if err == nil {
		ch.response, err = outcome(protocol.EventJoin, e)
	}
	if err != nil {
		c.abandon(ch)
		return nil, err
	}
	return ch, nil
}

// register puts a channel into the tables before its join is sent, so that nothing behind the reply is missed.
func (c *Client) register(ch *Channel) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return c.err
	}
	c.joined[ch.joinRef], c.topics[ch.topic] = ch, ch
	return nil
}

// abandon forgets a channel that was not joined. Its events are not closed: reading may be about to send one.
func (c *Client) abandon(ch *Channel) {
	ch.leaving.Do(func() { close(ch.left) })
	c.forget(ch)
}

// outcome returns the response of a reply, an error unless its status is ok.
func outcome(event string, e Event) ([]byte, error) {
	status, response, _ := e.Reply()
	if status == protocol.StatusOK {
		return response, nil
	}
	return nil, &ReplyError{Event: event, Status: status, Reason: field(response, "reason"), Response: response}
}

// Topic returns the topic in full.
func (c *Channel) Topic() string { return c.topic }

// JoinRef returns the join_ref that the channel's messages carry.
func (c *Channel) JoinRef() string { return c.joinRef }

// Response returns the response of the join, with the ids of the change entries.
func (c *Channel) Response() []byte { return c.response }

// Events has what the server says on this channel, in order, replies that a method waits for aside. It ends, after the
// phx_close or phx_error if there is one, with the channel.
func (c *Channel) Events() <-chan Event { return c.events }

// deliver passes an event on, on the goroutine that reads.
func (c *Channel) deliver(e Event) {
	select {
	case c.events <- e:
	case <-c.left:
	case <-c.client.closing:
	}
}

// Broadcast sends an event to the other members. payload is made into JSON; a []byte is sent as raw bytes, which only
// version 2 can. If the channel was joined with ack it waits for the reply.
func (c *Channel) Broadcast(ctx context.Context, event string, payload any) error {
	ref := c.client.nextRef()
	frame, binary, err := c.client.encodeBroadcast(c.joinRef, ref, c.topic, event, payload)
	if err != nil {
		return err
	}
	if !c.ack {
		return c.client.Send(frame, binary)
	}
	e, err := c.client.request(ctx, ref, frame, binary)
	if err == nil {
		_, err = outcome(protocol.EventBroadcast, e)
	}
	return err
}

// Track announces payload, an object, as this channel's presence, and waits for the reply.
func (c *Channel) Track(ctx context.Context, payload any) error {
	body, err := marshal(payload)
	if err != nil {
		return err
	}
	message := append([]byte(`{"type":"presence","event":"track","payload":`), body...)
	return c.ask(ctx, protocol.EventPresence, append(message, '}'))
}

// Untrack takes the presence back and waits for the reply.
func (c *Channel) Untrack(ctx context.Context) error {
	return c.ask(ctx, protocol.EventPresence, []byte(`{"type":"presence","event":"untrack"}`))
}

// AccessToken sends a new token. The server does not answer it, unless it closes the channel.
func (c *Channel) AccessToken(ctx context.Context, token string) error {
	payload := append(protocol.AppendString([]byte(`{"access_token":`), token), '}')
	return c.Push(ctx, protocol.EventAccessToken, payload)
}

// Push sends any event with any payload and waits for nothing; a reply is found with Events.
func (c *Channel) Push(ctx context.Context, event string, payload any) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("push %s: %w", event, err)
	}
	body, err := marshal(payload)
	if err != nil {
		return err
	}
	return c.client.Send(c.client.encode(c.joinRef, c.client.nextRef(), c.topic, event, body), false)
}

// Leave leaves the topic and waits for the reply. Events that were not taken yet may be lost.
func (c *Channel) Leave(ctx context.Context) error {
	c.leaving.Do(func() { close(c.left) })
	return c.ask(ctx, protocol.EventLeave, protocol.EmptyObject)
}

// ask sends an event and waits for its reply.
func (c *Channel) ask(ctx context.Context, event string, payload []byte) error {
	ref := c.client.nextRef()
	e, err := c.client.request(ctx, ref, c.client.encode(c.joinRef, ref, c.topic, event, payload), false)
	if err == nil {
		_, err = outcome(event, e)
	}
	return err
}
