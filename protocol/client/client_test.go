package client

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/lxzan/gws"

	"realtime/protocol"
)

const room = "realtime:room"

// dial connects to s and closes the client with the test.
func dial(t *testing.T, s *server, o Options) *Client {
	t.Helper()
	if o.URL == "" {
		o.URL = s.url()
	}
	if o.TLS == nil && s.http.TLS != nil {
		o.TLS = s.http.Client().Transport.(*http.Transport).TLSClientConfig
	}
	c, err := Dial(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func join(t *testing.T, c *Client, config string) *Channel {
	t.Helper()
	ch, err := c.Join(t.Context(), room, json.RawMessage(config))
	if err != nil {
		t.Fatal(err)
	}
	return ch
}

// next returns the next event, which must come soon.
func next(t *testing.T, events <-chan Event) Event {
	t.Helper()
	select {
	case e, ok := <-events:
		if !ok {
			t.Fatal("the events have ended")
		}
		return e
	case <-time.After(30 * time.Second):
		t.Fatal("no event in 30 s")
	}
	return Event{}
}

func TestServerCloseCodeIsTold(t *testing.T) {
	s := newServer(t, httptest.NewServer)
	c := dial(t, s, Options{})
	ch := join(t, c, `{"config":{}}`)
	s.each(func(conn *gws.Conn) { s.write(conn, protocol.AppendWSClose(nil, 1012, "restart")) })
	for range ch.Events() { // ends
	}
	<-c.Done()
	got, _ := errors.AsType[*CloseError](c.Err())
	if diff := cmp.Diff(got, &CloseError{Code: 1012, Reason: "restart"}); diff != "" {
		t.Errorf("error (-got +want):\n%s", diff)
	}
	if _, err := c.Join(t.Context(), room, nil); !errors.As(err, new(*CloseError)) {
		t.Errorf("Join after the end = %v", err)
	}
}

func TestCloseUnblocksAFullChannel(t *testing.T) {
	s := newServer(t, httptest.NewServer)
	c := dial(t, s, Options{Buffer: 1})
	ch := join(t, c, `{"config":{"broadcast":{"self":true}}}`)
	for range 10 {
		if err := ch.Broadcast(t.Context(), "e", nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if err := c.Close(); err != nil {
		t.Error("the second Close failed:", err)
	}
	if !errors.Is(c.Err(), ErrClosed) {
		t.Errorf("Err() = %v", c.Err())
	}
}

func TestFullChannelLosesNothing(t *testing.T) {
	s := newServer(t, httptest.NewServer)
	ch := join(t, dial(t, s, Options{Buffer: 1}), `{"config":{"broadcast":{"self":true}}}`)
	const n = 500
	for i := range n {
		if err := ch.Broadcast(t.Context(), "e", i); err != nil {
			t.Fatal(err)
		}
	}
	for i := range n {
		if _, payload, _ := next(t, ch.Events()).Broadcast(); string(payload) != fmt.Sprint(i) {
			t.Fatalf("payload %s, want %d", payload, i)
		}
	}
}

func TestHeartbeats(t *testing.T) {
	s := newServer(t, httptest.NewServer)
	c := dial(t, s, Options{Heartbeat: 10 * time.Millisecond})
	for range 5 {
		select {
		case <-s.beats:
		case <-c.Done():
			t.Fatal("ended although the server answers:", c.Err())
		}
	}
	s.set(func(s *server) { s.mute = true })
	select {
	case <-c.Done():
	case <-time.After(30 * time.Second):
		t.Fatal("a silent server was not noticed")
	}
	if !errors.Is(c.Err(), ErrHeartbeat) {
		t.Errorf("Err() = %v, want ErrHeartbeat", c.Err())
	}
}

func TestSendShowsWhatComesBack(t *testing.T) {
	s := newServer(t, httptest.NewServer)
	c := dial(t, s, Options{})
	if err := c.Send([]byte(`["9","r","realtime:x","phx_join",{"config":{}}]`), false); err != nil {
		t.Fatal(err)
	}
	got := next(t, c.Other())
	want := Event{JoinRef: "9", Ref: "r", Topic: "realtime:x", Event: "phx_reply", Payload: []byte(`{"status":"ok","response":{"postgres_changes":[]}}`)}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("event (-got +want):\n%s", diff)
	}
}

func TestNonsenseFromTheServerEndsTheConnection(t *testing.T) {
	s := newServer(t, httptest.NewServer)
	c := dial(t, s, Options{})
	s.each(func(conn *gws.Conn) { _ = conn.WriteString("[1,2]") })
	<-c.Done()
	if !errors.Is(c.Err(), errFrame) {
		t.Errorf("Err() = %v, want %v", c.Err(), errFrame)
	}
}
