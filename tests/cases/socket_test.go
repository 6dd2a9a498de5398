package cases

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"realtime/tests/frames"
)

// patient is how long a test waits for what must happen, on a machine under load.
const patient = 30 * time.Second

// socket is a client that says exactly what it is told to, and shows exactly what came. One test's goroutine uses it.
type socket struct {
	*frames.Client
	t  testing.TB
	n  names
	v1 bool
}

// connect asks for a socket of a tenant. query is what follows the token: "vsn=2.0.0".
func (h *house) connect(t testing.TB, tenant, token, query string) (*socket, *http.Response) {
	t.Helper()
	c, err := frames.Dial(t.Context(), h.addr, patient)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	r, err := c.Upgrade("/socket/websocket?apikey="+url.QueryEscape(token)+"&"+query, tenant+".example.com")
	if err != nil {
		t.Fatal(err)
	}
	return &socket{Client: c, t: t, n: names{}, v1: !strings.Contains(query, "vsn=2")}, r
}

// dial opens a socket of version 2 with a good token.
func (h *house) dial(t testing.TB, tenant string) *socket {
	t.Helper()
	return h.open(t, tenant, token(t), "vsn=2.0.0&log_level=info")
}

// dialV1 opens a socket of version 1.
func (h *house) dialV1(t testing.TB, tenant string) *socket {
	t.Helper()
	return h.open(t, tenant, token(t), "vsn=1.0.0&log_level=info")
}

func (h *house) open(t testing.TB, tenant, token, query string) *socket {
	t.Helper()
	s, r := h.connect(t, tenant, token, query)
	if r.StatusCode != http.StatusSwitchingProtocols {
		body, _ := io.ReadAll(r.Body)
		t.Fatalf("handshake: %d %s", r.StatusCode, body)
	}
	return s
}

// write sends one masked frame.
func (s *socket) write(b0 byte, payload string) {
	s.t.Helper()
	_ = s.SetWriteDeadline(time.Now().Add(patient))
	if _, err := s.Write(frames.Masked(b0, payload)); err != nil {
		s.t.Fatalf("send: %v", err)
	}
}

// send sends text frames.
func (s *socket) send(texts ...string) {
	s.t.Helper()
	for _, text := range texts {
		s.write(frames.Text, text)
	}
}

// sendBinary sends a binary frame.
func (s *socket) sendBinary(frame string) {
	s.t.Helper()
	s.write(frames.Binary, frame)
}

// read reads one frame, which must come in time.
func (s *socket) read() (b0 byte, payload string, err error) {
	_ = s.SetReadDeadline(time.Now().Add(patient))
	b0, b, err := s.Next()
	return b0, string(b), err
}

// next is the next text frame.
func (s *socket) next() string {
	s.t.Helper()
	b0, payload, err := s.read()
	if err != nil {
		s.t.Fatalf("no frame came: %v", err)
	}
	if b0 != frames.Text {
		s.t.Fatalf("got frame %#x %q, want a text frame", b0, payload)
	}
	return payload
}

// want compares the next frames, in order.
func (s *socket) want(texts ...string) {
	s.t.Helper()
	for _, want := range texts {
		b0, got, err := s.read()
		if err != nil {
			s.t.Fatalf("%v, wanted %.2000s", err, want)
		}
		if b0 != frames.Text {
			s.t.Fatalf("got frame %#x %q, want %.2000s", b0, got, want)
		}
		if err := s.n.match(got, want); err != nil {
			s.t.Fatal(err)
		}
	}
}

// wantAny compares the next frames, in any order.
func (s *socket) wantAny(texts ...string) {
	s.t.Helper()
	for left := append([]string(nil), texts...); len(left) > 0; {
		got, found := s.next(), false
		for i, want := range left {
			if s.n.match(got, want) == nil {
				left, found = append(left[:i], left[i+1:]...), true
				break
			}
		}
		if !found {
			s.t.Fatalf("got %s\nwant one of %q", got, left)
		}
	}
}

// wantBinary compares the next frame with the bytes of a binary one.
func (s *socket) wantBinary(want string) {
	s.t.Helper()
	b0, got, err := s.read()
	if err != nil || b0 != frames.Binary || got != want {
		s.t.Fatalf("got frame %#x %q, %v, want the binary frame %q", b0, got, err, want)
	}
}

// wantClose reads the close frame and sees the connection end.
func (s *socket) wantClose(code uint16) {
	s.t.Helper()
	b0, payload, err := s.read()
	if err != nil || b0 != frames.Close || len(payload) < 2 || binary.BigEndian.Uint16([]byte(payload)) != code {
		s.t.Fatalf("got frame %#x %q, %v, want close %d", b0, payload, err, code)
	}
	if b0, payload, err := s.read(); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		s.t.Fatalf("got frame %#x %q, %v behind the close, want the end", b0, payload, err)
	}
}

// hangUp ends the connection without a word.
func (s *socket) hangUp() { _ = s.Close() }

// fence sees that nothing has come, and that all that was sent to no channel has been dealt with: a leave of a topic nobody joined is
// answered behind it.
func (s *socket) fence() {
	s.t.Helper()
	if s.v1 {
		s.send(`{"topic":"realtime:fence","event":"phx_leave","payload":{},"ref":"fence"}`)
		s.want(`{"topic":"realtime:fence","event":"phx_reply","payload":{"status":"ok","response":{}},"ref":"fence"}`)
		return
	}
	s.send(`[null,"fence","realtime:fence","phx_leave",{}]`)
	s.want(`[null,"fence","realtime:fence","phx_reply",{"status":"ok","response":{}}]`)
}

// fenceIn sees that nothing has come of what was sent in a joined topic before: a presence message that says nothing is answered by
// the channel itself, behind everything it had to say.
func (s *socket) fenceIn(joinRef, topic string) {
	s.t.Helper()
	if s.v1 {
		s.send(`{"topic":"` + topic + `","event":"presence","payload":{},"ref":"fence","join_ref":"` + joinRef + `"}`)
		s.want(`{"topic":"` + topic + `","event":"phx_reply","payload":{"status":"ok","response":{}},"ref":"fence"}`)
		return
	}
	s.send(fmt.Sprintf(`["%s","fence","%s","presence",{}]`, joinRef, topic))
	s.want(fmt.Sprintf(`["%s","fence","%s","phx_reply",{"status":"ok","response":{}}]`, joinRef, topic))
}

// join joins a topic with ref and join_ref 1 and waits for the plain ok.
func (s *socket) join(topic, config string) {
	s.t.Helper()
	if s.v1 {
		s.send(`{"topic":"` + topic + `","event":"phx_join","payload":{"config":` + config + `},"ref":"1","join_ref":"1"}`)
		s.want(`{"topic":"` + topic + `","event":"phx_reply","payload":` + joined + `,"ref":"1"}`)
		return
	}
	s.send(`["1","1","` + topic + `","phx_join",{"config":` + config + `}]`)
	s.want(`["1","1","` + topic + `","phx_reply",` + joined + `]`)
}

// refused joins realtime:a with a payload and compares the reason of the refusal.
func (s *socket) refused(payload, reason string) {
	s.t.Helper()
	s.refusedAs("realtime:a", payload, reason)
}

// refusedAs joins a topic.
func (s *socket) refusedAs(topic, payload, reason string) {
	s.t.Helper()
	s.send(joinOf("1", topic, payload))
	s.want(`["1","1","` + topic + `","phx_reply",` + failure(s.t, reason) + `]`)
}

// Payloads of replies.
const (
	joined = `{"status":"ok","response":{"postgres_changes":[]}}`
	done   = `{"status":"ok","response":{}}`
)

func failure(t testing.TB, reason string) string {
	t.Helper()
	return `{"status":"error","response":{"reason":` + quote(t, reason) + `}}`
}
