package web

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
)

// raw is a client that can say anything: it writes bytes and reads frames.
type raw struct {
	net.Conn
	br *bufio.Reader
}

func (h *house) dial(t testing.TB) *raw {
	t.Helper()
	nc, err := new(net.Dialer).DialContext(t.Context(), "tcp", h.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = nc.Close() })
	_ = nc.SetDeadline(time.Now().Add(patient))
	return newRaw(nc)
}

func newRaw(nc net.Conn) *raw { return &raw{Conn: nc, br: bufio.NewReader(nc)} }

// upgradeHead is a good handshake for a tenant's host. lines replace or add headers: "Name: value", or "Name:" to remove one.
func upgradeHead(method, target, host string, lines ...string) string {
	order := []string{"Host", "Connection", "Upgrade", "Sec-WebSocket-Key", "Sec-WebSocket-Version"}
	values := map[string]string{
		"Host": host, "Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version": "13",
	}
	for _, line := range lines {
		name, value, _ := strings.Cut(line, ":")
		if _, known := values[name]; !known {
			order = append(order, name)
		}
		values[name] = strings.TrimSpace(value)
	}
	var b strings.Builder
	b.WriteString(method + " " + target + " HTTP/1.1\r\n")
	for _, name := range order {
		if values[name] != "" {
			b.WriteString(name + ": " + values[name] + "\r\n")
		}
	}
	return b.String() + "\r\n"
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
	r, err := http.ReadResponse(c.br, nil)
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
	c.send(t, upgradeHead(http.MethodGet, target, host, lines...))
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

// First bytes of frames.
const (
	finText   = 0x81
	finBinary = 0x82
	finPing   = 0x89
)

// masked makes one client frame with first byte b0.
func masked(b0 byte, payload []byte) []byte {
	f := []byte{b0}
	switch n := len(payload); {
	case n <= 125:
		f = append(f, 0x80|byte(n))
	case n <= 65535:
		f = binary.BigEndian.AppendUint16(append(f, 0x80|126), uint16(n))
	default:
		f = binary.BigEndian.AppendUint64(append(f, 0x80|127), uint64(n))
	}
	mask := [4]byte{1, 2, 3, 4}
	f = append(f, mask[:]...)
	at := len(f)
	f = append(f, payload...)
	for i := range payload {
		f[at+i] ^= mask[i&3]
	}
	return f
}

func (c *raw) frame(t testing.TB, b0 byte, payload string) {
	t.Helper()
	c.send(t, string(masked(b0, []byte(payload))))
}

// receive reads one frame; a closed connection is an error.
func (c *raw) receive() (b0 byte, payload []byte, err error) {
	var h [2]byte
	if _, err := io.ReadFull(c.br, h[:]); err != nil {
		return 0, nil, err
	}
	n := uint64(h[1])
	switch n {
	case 126:
		var l [2]byte
		_, err = io.ReadFull(c.br, l[:])
		n = uint64(binary.BigEndian.Uint16(l[:]))
	case 127:
		var l [8]byte
		_, err = io.ReadFull(c.br, l[:])
		n = binary.BigEndian.Uint64(l[:])
	}
	if err != nil {
		return 0, nil, err
	}
	payload = make([]byte, n)
	_, err = io.ReadFull(c.br, payload)
	return h[0], payload, err
}

// want reads one text frame and compares it.
func (c *raw) want(t testing.TB, text string) {
	t.Helper()
	b0, payload, err := c.receive()
	if err != nil {
		t.Fatalf("wanted %.200s: %v", text, err)
	}
	if b0 != finText || string(payload) != text {
		t.Fatalf("got frame %#x %.300s, want %.300s", b0, payload, text)
	}
}

// wantClose reads until the close frame and compares its payload with the code, and sees the connection end.
func (c *raw) wantClose(t testing.TB, code uint16) {
	t.Helper()
	for {
		b0, payload, err := c.receive()
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
	if b, err := c.br.ReadByte(); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("got byte %#x, %v, want the end of the connection", b, err)
	}
}

// quiet sees that nothing comes for a while.
func (c *raw) quiet(t testing.TB, d time.Duration) {
	t.Helper()
	_ = c.SetReadDeadline(time.Now().Add(d))
	if b, err := c.br.ReadByte(); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("got byte %#x, %v, want silence", b, err)
	}
	_ = c.SetReadDeadline(time.Now().Add(patient))
}

// alive shows that the socket still answers, and nothing else came before.
func (c *raw) alive(t testing.TB) {
	t.Helper()
	c.frame(t, finText, `[null,"hb","phoenix","heartbeat",{}]`)
	c.want(t, `[null,"hb","phoenix","phx_reply",{"status":"ok","response":{}}]`)
}
