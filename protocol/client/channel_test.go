package client

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"realtime/protocol"
)

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
