package web

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net/http"
	"os"
	"testing"
	"time"

	"realtime/tests/frames"
)

// raw is a client that can say anything: it writes bytes and reads frames.
type raw struct{ *frames.Client }

func (h *house) dial(t testing.TB) *raw {
	t.Helper()
	c, err := frames.Dial(t.Context(), h.addr, patient)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return &raw{c}
}

func (c *raw) send(t testing.TB, bytes string) {
	t.Helper()
	if _, err := io.WriteString(c, bytes); err != nil {
		t.Fatalf("send: %v", err)
	}
}

// response reads one HTTP answer, and its body unless it is a 101.
func (c *raw) response(t testing.TB) (*http.Response, string) {
	t.Helper()
	r, err := http.ReadResponse(c.Buffered, nil)
	if err != nil {
		t.Fatalf("read answer: %v", err)
	}
	if r.StatusCode == http.StatusSwitchingProtocols {
		return r, ""
	}
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatalf("read body: %v", err)
	}
	return r, string(b)
}

// upgrade shakes hands and returns the answer.
func (h *house) upgrade(t testing.TB, target, host string, lines ...string) (*raw, *http.Response, string) {
	t.Helper()
	c := h.dial(t)
	c.send(t, frames.Head(http.MethodGet, target, host, lines...))
	r, body := c.response(t)
	return c, r, body
}

// socket opens a socket of version 2, with the token of a tenant's user.
func (h *house) socket(t testing.TB) *raw {
	t.Helper()
	c, r, body := h.upgrade(t, "/socket/websocket?vsn=2.0.0&apikey="+token(t), "abc.example.com")
	if r.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("handshake: %d %s", r.StatusCode, body)
	}
	return c
}

func (c *raw) frame(t testing.TB, b0 byte, payload string) {
	t.Helper()
	c.send(t, string(frames.Masked(b0, payload)))
}

// want reads one text frame and compares it.
func (c *raw) want(t testing.TB, text string) {
	t.Helper()
	b0, payload, err := c.Next()
	if err != nil {
		t.Fatalf("wanted %.200s: %v", text, err)
	}
	if b0 != frames.Text || string(payload) != text {
		t.Fatalf("got frame %#x %.300s, want %.300s", b0, payload, text)
	}
}

// wantClose reads until the close frame and compares its payload with the code, and sees the connection end.
func (c *raw) wantClose(t testing.TB, code uint16) {
	t.Helper()
	for {
		b0, payload, err := c.Next()
		if err != nil {
			t.Fatalf("wanted close %d: %v", code, err)
		}
		if b0 != frameClose {
			continue
		}
		bare := code == closeProtocol || code == closeTooLarge // the actors give a reason, the edge does not
		if want := binary.BigEndian.AppendUint16(nil, code); !bytes.HasPrefix(payload, want) || bare && len(payload) > 2 {
			t.Fatalf("close frame %x, want %x", payload, want)
		}
		break
	}
	c.wantEnd(t)
}

// wantEnd sees the connection end.
func (c *raw) wantEnd(t testing.TB) {
	t.Helper()
	_ = c.SetReadDeadline(time.Now().Add(patient))
	if b, err := c.Buffered.ReadByte(); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("got byte %#x, %v, want the end of the connection", b, err)
	}
}

// quiet sees that nothing comes for a while.
func (c *raw) quiet(t testing.TB, d time.Duration) {
	t.Helper()
	_ = c.SetReadDeadline(time.Now().Add(d))
	if b, err := c.Buffered.ReadByte(); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("got byte %#x, %v, want silence", b, err)
	}
	_ = c.SetReadDeadline(time.Now().Add(patient))
}

// alive shows that the socket still answers, and nothing else came before.
func (c *raw) alive(t testing.TB) {
	t.Helper()
	c.frame(t, frames.Text, `[null,"hb","phoenix","heartbeat",{}]`)
	c.want(t, `[null,"hb","phoenix","phx_reply",{"status":"ok","response":{}}]`)
}
