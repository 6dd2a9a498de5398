package client

import (
	"context"
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
	case <-time.After(5 * time.Second):
		t.Fatal("no event in 5 s")
	}
	return Event{}
}

func eachVersion(t *testing.T, test func(t *testing.T, v protocol.Version)) {
	for _, v := range []protocol.Version{protocol.V1, protocol.V2} {
		t.Run("vsn="+v.String(), func(t *testing.T) { test(t, v) })
	}
}

func TestBroadcastReachesEveryVersion(t *testing.T) {
	eachVersion(t, func(t *testing.T, from protocol.Version) {
		eachVersion(t, func(t *testing.T, to protocol.Version) {
			s := newServer(t, httptest.NewServer)
			receiver := join(t, dial(t, s, Options{Version: to}), `{"config":{}}`)
			sender := join(t, dial(t, s, Options{Version: from}), `{"config":{}}`)
			if err := sender.Broadcast(t.Context(), "shout", map[string]int{"x": 1}); err != nil {
				t.Fatal(err)
			}
			event, payload, ok := next(t, receiver.Events()).Broadcast()
			if !ok || event != "shout" || string(payload) != `{"x":1}` {
				t.Errorf("got %q %s %v, want shout {\"x\":1}", event, payload, ok)
			}
		})
	})
}

func TestBytesReachVersion2(t *testing.T) {
	s := newServer(t, httptest.NewServer)
	receiver := join(t, dial(t, s, Options{}), `{"config":{}}`)
	if err := join(t, dial(t, s, Options{}), `{"config":{}}`).Broadcast(t.Context(), "raw", []byte{0, 0xff}); err != nil {
		t.Fatal(err)
	}
	got := next(t, receiver.Events())
	want := Event{Topic: room, Event: "broadcast", UserEvent: "raw", Binary: true, Payload: []byte{0, 0xff}}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("event (-got +want):\n%s", diff)
	}
	old := join(t, dial(t, s, Options{Version: protocol.V1}), `{"config":{}}`)
	if err := old.Broadcast(t.Context(), "raw", []byte{1}); err == nil {
		t.Error("version 1 sent bytes")
	}
}

func TestEchoPrecedesAcknowledgement(t *testing.T) {
	eachVersion(t, func(t *testing.T, v protocol.Version) {
		s := newServer(t, httptest.NewServer)
		ch := join(t, dial(t, s, Options{Version: v}), `{"config":{"broadcast":{"self":true,"ack":true}}}`)
		for i := range 20 {
			if err := ch.Broadcast(t.Context(), "n", i); err != nil {
				t.Fatal(err)
			}
			select { // it has been delivered when Broadcast returns
			case e := <-ch.Events():
				if _, payload, _ := e.Broadcast(); string(payload) != fmt.Sprint(i) {
					t.Fatalf("payload %s, want %d", payload, i)
				}
			default:
				t.Fatal("acknowledged, but not echoed yet")
			}
		}
	})
}

func TestPresenceAndToken(t *testing.T) {
	eachVersion(t, func(t *testing.T, v protocol.Version) {
		s := newServer(t, httptest.NewServer)
		ch := join(t, dial(t, s, Options{Version: v}), `{"config":{"presence":{"enabled":true}}}`)
		if err := ch.Track(t.Context(), map[string]any{"at": "desk"}); err != nil {
			t.Error(err)
		}
		err := ch.Track(t.Context(), "no object")
		if r, ok := errors.AsType[*ReplyError](err); !ok || r.Reason != "Presence track payload must be a map" {
			t.Errorf("Track(string) = %v", err)
		}
		if err := ch.AccessToken(t.Context(), `a"b`); err != nil {
			t.Error(err)
		}
		if err := ch.Untrack(t.Context()); err != nil { // answered, so the token has been seen
			t.Error(err)
		}
		s.set(func(s *server) {
			if diff := cmp.Diff(s.tokens, []string{`a"b`}); diff != "" {
				t.Errorf("tokens (-got +want):\n%s", diff)
			}
		})
	})
}

func TestLeaveEndsTheEvents(t *testing.T) {
	eachVersion(t, func(t *testing.T, v protocol.Version) {
		s := newServer(t, httptest.NewServer)
		c := dial(t, s, Options{Version: v})
		ch := join(t, c, `{"config":{}}`)
		if err := ch.Leave(t.Context()); err != nil {
			t.Fatal(err)
		}
		for range ch.Events() { // ends
		}
		if err := ch.Push(t.Context(), "hello", nil); err != nil {
			t.Fatal(err)
		}
		status, response, _ := next(t, c.Other()).Reply()
		if status != "error" || string(response) != `{"reason":"unmatched topic"}` {
			t.Errorf("after the leave: %s %s", status, response)
		}
	})
}

func TestJoiningAgainEndsTheOldChannel(t *testing.T) {
	eachVersion(t, func(t *testing.T, v protocol.Version) {
		s := newServer(t, httptest.NewServer)
		c := dial(t, s, Options{Version: v})
		old := join(t, c, `{"config":{}}`)
		fresh := join(t, c, `{"config":{"broadcast":{"self":true}}}`)
		if e := next(t, old.Events()); e.Event != protocol.EventClose {
			t.Errorf("the old channel got %s, want phx_close", e.Event)
		}
		if _, ok := <-old.Events(); ok {
			t.Error("the old channel goes on")
		}
		if err := fresh.Broadcast(t.Context(), "e", nil); err != nil {
			t.Fatal(err)
		}
		if e := next(t, fresh.Events()); e.Event != protocol.EventBroadcast {
			t.Errorf("the new channel got %s", e.Event)
		}
	})
}

func TestJoinResponseHasTheIDs(t *testing.T) {
	s := newServer(t, httptest.NewServer)
	ch := join(t, dial(t, s, Options{}), `{"config":{"postgres_changes":[{"event":"*","schema":"public"}]}}`)
	want := `{"postgres_changes":[{"id":74307548,"event":"*","schema":"public"}]}`
	if got := string(ch.Response()); got != want {
		t.Errorf("Response() = %s, want %s", got, want)
	}
}

func TestRefusedJoinSaysWhy(t *testing.T) {
	s := newServer(t, httptest.NewServer)
	s.set(func(s *server) { s.refuse = "PrivateOnly: no" })
	_, err := dial(t, s, Options{}).Join(t.Context(), room, nil)
	want := &ReplyError{Event: "phx_join", Status: "error", Reason: "PrivateOnly: no", Response: []byte(`{"reason":"PrivateOnly: no"}`)}
	got, _ := errors.AsType[*ReplyError](err)
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("error (-got +want):\n%s", diff)
	}
}

func TestCancelledJoinLeavesNothingBehind(t *testing.T) {
	s := newServer(t, httptest.NewServer)
	s.set(func(s *server) { s.mute = true })
	c := dial(t, s, Options{})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := c.Join(ctx, room, nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Join = %v, want a deadline exceeded", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.waiting)+len(c.joined)+len(c.topics) != 0 {
		t.Errorf("left: %d waiting, %d joined, %d topics", len(c.waiting), len(c.joined), len(c.topics))
	}
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
	time.Sleep(100 * time.Millisecond)
	select {
	case <-c.Done():
		t.Fatal("ended although the server answers:", c.Err())
	default:
	}
	s.set(func(s *server) { s.mute = true })
	select {
	case <-c.Done():
	case <-time.After(5 * time.Second):
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
