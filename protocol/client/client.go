package client

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lxzan/gws"

	"realtime/protocol"
)

// Client is one connection.
type Client struct {
	o       Options
	conn    *gws.Conn
	refs    atomic.Uint64
	closing chan struct{} // closed by Close, so that reading does not wait for events to be taken
	close   sync.Once
	done    chan struct{} // closed when reading has ended; err is final then
	stop    context.CancelCauseFunc
	other   chan Event

	mu      sync.Mutex
	err     error
	waiting map[string]chan Event // requests by their ref
	joined  map[string]*Channel   // channels by their join_ref
	topics  map[string]*Channel   // the newest channel of each topic
}

// otherBuffer is how many events without a channel are kept for Other; more are dropped.
const otherBuffer = 1024

// ErrHeartbeat ends a connection whose server has not answered a heartbeat before the next.
var ErrHeartbeat = errors.New("no answer to a heartbeat")

// ErrClosed is what a Client's methods return after Close.
var ErrClosed = errors.New("client closed")

// CloseError says with which code the server closed the connection; 1005 stands for none.
type CloseError struct {
	Code   uint16
	Reason string
}

func (e *CloseError) Error() string {
	return fmt.Sprintf("server closed the connection: %d %s", e.Code, e.Reason)
}

// Done is closed when the connection has ended.
func (c *Client) Done() <-chan struct{} { return c.done }

// Err says why the connection has ended: a *CloseError, ErrClosed, ErrHeartbeat, or what went wrong. It is nil before.
func (c *Client) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// Other has the events of topics that were not joined with Join: what comes back to Send. Up to 1024 of them are kept.
func (c *Client) Other() <-chan Event { return c.other }

// Send sends a frame as it is. What comes back is found with Other.
func (c *Client) Send(data []byte, binary bool) error {
	opcode := gws.OpcodeText
	if binary {
		opcode = gws.OpcodeBinary
	}
	if err := c.conn.WriteMessage(opcode, data); err != nil {
		return fmt.Errorf("send frame: %w", errors.Join(err, c.Err()))
	}
	return nil
}

// Close closes the connection with code 1000 and waits until it has ended. All channels' events end. A second call does
// nothing.
func (c *Client) Close() error {
	c.close.Do(func() {
		c.fail(ErrClosed)
		close(c.closing)
		// An error means that the connection has ended already, which is what was wanted.
		_ = c.conn.WriteClose(1000, nil)
	})
	<-c.done
	return nil
}

// fail notes why the connection ends, if nothing was noted before.
func (c *Client) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil {
		c.err = err
	}
}

// nextRef returns a ref that was not used before.
func (c *Client) nextRef() string { return strconv.FormatUint(c.refs.Add(1), 10) }

// handler is what gws calls, on the goroutine that reads.
type handler struct {
	gws.BuiltinEventHandler
	c *Client
}

func (h *handler) OnMessage(_ *gws.Conn, m *gws.Message) {
	defer m.Close()
	e, err := Decode(h.c.o.Version, m.Bytes(), m.Opcode == gws.OpcodeBinary)
	if err != nil {
		h.c.fail(err)
		_ = h.c.conn.WriteClose(1002, nil)
		return
	}
	h.c.receive(e)
}

func (h *handler) OnPing(conn *gws.Conn, payload []byte) { _ = conn.WritePong(payload) }

func (h *handler) OnClose(_ *gws.Conn, err error) {
	if closed, ok := errors.AsType[*gws.CloseError](err); ok {
		code := closed.Code
		if code == 0 {
			code = 1005
		}
		err = &CloseError{Code: code, Reason: string(bytes.Clone(closed.Reason))}
	}
	h.c.end(fmt.Errorf("connection lost: %w", err))
}

// end closes everything that waits for the server.
func (c *Client) end(err error) {
	c.fail(err)
	c.stop(err)
	close(c.done)
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, ch := range c.joined {
		close(ch.events)
	}
	clear(c.joined)
	clear(c.topics)
	close(c.other)
}

// receive hands an event to whoever waits for it.
func (c *Client) receive(e Event) {
	c.mu.Lock()
	if reply := c.waiting[e.Ref]; reply != nil && e.Event == protocol.EventReply {
		delete(c.waiting, e.Ref)
		c.mu.Unlock()
		reply <- e // has room for one
		return
	}
	ending := e.Event == protocol.EventClose || e.Event == protocol.EventError
	ch := c.topics[e.Topic]
	if ending {
		ch = c.joined[e.Ref]
	}
	c.mu.Unlock()
	if ch == nil {
		select {
		case c.other <- e:
		default:
		}
		return
	}
	ch.deliver(e)
	if ending {
		c.forget(ch)
		close(ch.events)
	}
}

// forget takes a channel out of the tables.
func (c *Client) forget(ch *Channel) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.joined, ch.joinRef)
	if c.topics[ch.topic] == ch {
		delete(c.topics, ch.topic)
	}
}

// request sends a message and waits for its reply.
func (c *Client) request(ctx context.Context, ref string, frame []byte, binary bool) (Event, error) {
	reply := make(chan Event, 1)
	c.mu.Lock()
	c.waiting[ref] = reply
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.waiting, ref)
	}()
	if err := c.Send(frame, binary); err != nil {
		return Event{}, err
	}
	select {
	case e := <-reply:
		return e, nil
	case <-c.done:
		return Event{}, c.Err()
	case <-ctx.Done():
		return Event{}, fmt.Errorf("wait for the reply: %w", context.Cause(ctx))
	}
}

// heartbeats sends one heartbeat after the other until life ends, which it does with the connection.
func (c *Client) heartbeats(life context.Context) {
	ticker := time.NewTicker(c.o.Heartbeat)
	defer ticker.Stop()
	for {
		select {
		case <-life.Done():
			return
		case <-ticker.C:
		}
		ref := c.nextRef()
		ctx, cancel := context.WithTimeoutCause(life, c.o.Heartbeat, ErrHeartbeat)
		_, err := c.request(ctx, ref, c.encode("", ref, protocol.TopicPhoenix, protocol.EventHeartbeat, protocol.EmptyObject), false)
		cancel()
		if errors.Is(err, ErrHeartbeat) {
			c.fail(ErrHeartbeat)
			_ = c.conn.WriteClose(1000, nil)
			return
		}
	}
}
