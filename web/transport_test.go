package web

import (
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"realtime/actors"
	"realtime/tests/frames"
	"realtime/tests/leaks"
)

const maxMessage = 5_000_000

// heartbeatOf is a heartbeat of n bytes.
func heartbeatOf(n int) string {
	const frame = `[null,"1","phoenix","heartbeat",{"pad":"%s"}]`
	return fmt.Sprintf(frame, strings.Repeat("x", n-len(frame)+2))
}

const heartbeatReply = `[null,"1","phoenix","phx_reply",{"status":"ok","response":{}}]`

// TestTransport goes through the rows of the transport that need no settings of their own, and some more, on one server.
func TestTransport(t *testing.T) {
	h := open(t, nil)
	for name, test := range map[string]func(*testing.T, *house){
		"row 36 largest message":                     row36LargestMessage,
		"row 37 too large a message":                 row37TooLargeMessage,
		"row 38 too large together":                  row38TooLargeTogether,
		"row 39 protocol violations":                 row39ProtocolViolations,
		"row 40 ping":                                row40Ping,
		"row 44 close is answered":                   row44CloseIsAnswered,
		"rows 48 to 50 malformed frames are dropped": rows48To50MalformedFramesAreDropped,
		"frames behind the handshake are read":       framesBehindTheHandshakeAreRead,
		"a connection that breaks says nothing":      connectionThatBreaksSaysNothing,
	} {
		t.Run(name, func(t *testing.T) { test(t, h) })
	}
	if strings.Contains(h.logs.String(), `"level":"ERROR"`) {
		t.Error("a client's mistake is logged as an error")
	}
}

func row36LargestMessage(t *testing.T, h *house) {
	c := h.socket(t)
	c.frame(t, frames.Text, heartbeatOf(maxMessage))
	c.want(t, heartbeatReply)
	half := heartbeatOf(maxMessage)
	c.frame(t, 0x01, half[:maxMessage/2])
	c.frame(t, frames.Ping, "between") // control frames may come between fragments
	c.frame(t, 0x00, half[maxMessage/2:maxMessage-1])
	c.frame(t, 0x80, half[maxMessage-1:])
	if b0, payload, err := c.Next(); err != nil || b0 != framePong || string(payload) != "between" {
		t.Fatalf("frame %#x %q, %v, want the pong", b0, payload, err)
	}
	c.want(t, heartbeatReply)
	c.alive(t)
}

func row37TooLargeMessage(t *testing.T, h *house) {
	c := h.socket(t)
	go func() { // stopped by the server, which reads on for a second; a failed write is not what this test is about
		_, _ = c.Write(frames.Masked(frames.Text, heartbeatOf(maxMessage+1)))
	}()
	c.wantClose(t, closeTooLarge)
}

func row38TooLargeTogether(t *testing.T, h *house) {
	c := h.socket(t)
	text := heartbeatOf(maxMessage + 1)
	c.frame(t, 0x01, text[:maxMessage-10])
	c.frame(t, 0x80, text[maxMessage-10:])
	c.wantClose(t, closeTooLarge)
}

func row39ProtocolViolations(t *testing.T, h *house) {
	long := func(b0 byte, n uint64) string {
		return string(binary.BigEndian.AppendUint64([]byte{b0, 0x80 | 127}, n)) + "\x00\x00\x00\x00"
	}
	for name, bytes := range map[string]string{
		"unmasked":                      "\x81\x02hi",
		"reserved bit 1":                string(frames.Masked(frames.Text|0x40, "hi")),
		"reserved bit 2":                string(frames.Masked(frames.Text|0x20, "hi")),
		"reserved bit 3":                string(frames.Masked(frames.Text|0x10, "hi")),
		"opcode 3":                      string(frames.Masked(0x83, "hi")),
		"opcode 11":                     string(frames.Masked(0x8b, "hi")),
		"continuation of nothing":       string(frames.Masked(0x80, "hi")),
		"text amid fragments":           string(frames.Masked(0x01, "hi")) + string(frames.Masked(frames.Text, "hi")),
		"ping in pieces":                string(frames.Masked(0x09, "hi")),
		"long ping":                     string(frames.Masked(frames.Ping, strings.Repeat("x", 126))),
		"length of 64 bits":             long(frames.Text, 1<<63),
		"length of all ones":            long(frames.Binary, 1<<64-1),
		"length of all ones, in a ping": long(frames.Ping, 1<<64-1),
		"close with half a code":        string(frames.Masked(frames.Close, "\x03")),
		"close with code 1005":          string(frames.Masked(frames.Close, "\x03\xed")),
		"close with code 999":           string(frames.Masked(frames.Close, "\x03\xe7")),
		"close with code 5000":          string(frames.Masked(frames.Close, "\x13\x88")),
	} {
		t.Run(name, func(t *testing.T) {
			c := h.socket(t)
			c.send(t, bytes)
			c.wantClose(t, closeProtocol)
		})
	}
}

func row40Ping(t *testing.T, h *house) {
	c := h.socket(t)
	for _, payload := range []string{"hi", "", strings.Repeat("x", 125)} {
		c.frame(t, frames.Ping, payload)
		if b0, got, err := c.Next(); err != nil || b0 != framePong || string(got) != payload {
			t.Errorf("frame %#x %q, %v, want the pong of %q", b0, got, err, payload)
		}
	}
	c.frame(t, framePong, "unasked")
	c.alive(t)
}

// TestTransportRows41To43Idle lets one sweep of the actors close what is silent.
func TestTransportRows41To43Idle(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for the idle sweep")
	}
	t.Parallel()
	h := open(t, func(_ *Options, o *actors.Options) { o.IdleTimeout = 1500 * time.Millisecond })
	silent, receiver, noisy := h.socket(t), h.socket(t), h.socket(t)
	receiver.frame(t, frames.Text, `["1","1","realtime:a","phx_join",{"config":{}}]`)
	receiver.want(t, `["1","1","realtime:a","phx_reply",{"status":"ok","response":{"postgres_changes":[]}}]`)

	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() { // stopped by stop
		defer close(stopped)
		tick := time.NewTicker(300 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
				_, _ = noisy.Write(frames.Masked(frames.Text, "not json")) // row 43: any bytes count
				h.do(t, "POST", "/api/broadcast", batchOf("a"), "Authorization", "Bearer "+token(t), "Content-Type", "application/json")
			}
		}
	}()
	silent.wantClose(t, 1000)   // row 41
	receiver.wantClose(t, 1000) // row 42: what it receives does not count
	close(stop)
	<-stopped
	noisy.alive(t)
}

func row44CloseIsAnswered(t *testing.T, h *house) {
	for _, code := range []uint16{4001, 1000, 1001, 1003, 1011, 3000, 4999} {
		c := h.socket(t)
		c.frame(t, 0x88, string(binary.BigEndian.AppendUint16(nil, code))+"bye")
		b0, payload, err := c.Next()
		if want := binary.BigEndian.AppendUint16(nil, code); err != nil || b0 != frameClose || string(payload) != string(want) {
			t.Errorf("%d: frame %#x %x, %v, want a close with the same code and nothing else", code, b0, payload, err)
		}
		c.wantEnd(t)
	}
	c := h.socket(t)
	c.frame(t, 0x88, "")
	if b0, payload, err := c.Next(); err != nil || b0 != frameClose || len(payload) != 0 {
		t.Errorf("no code: frame %#x %x, %v, want an empty close", b0, payload, err)
	}
	c.wantEnd(t)
}

// TestTransportRows45To47SocketsWithoutChannels: upstream drops such a connection without a word; ours says 1000 (quirk Q9).
func TestTransportRows45To47SocketsWithoutChannels(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for the sweep")
	}
	t.Parallel()
	h := open(t, func(_ *Options, o *actors.Options) { o.NoChannelTimeout = time.Second })
	left, never, failed := h.socket(t), h.socket(t), h.socket(t)
	left.frame(t, frames.Text, `["1","1","realtime:a","phx_join",{"config":{}}]`)
	left.want(t, `["1","1","realtime:a","phx_reply",{"status":"ok","response":{"postgres_changes":[]}}]`)
	left.frame(t, frames.Text, `["1","2","realtime:a","phx_leave",{}]`)
	failed.frame(t, frames.Text, `["1","1","realtime:","phx_join",{"config":{}}]`)
	left.wantClose(t, 1000)
	failed.wantClose(t, 1000)
	never.alive(t)
}

func rows48To50MalformedFramesAreDropped(t *testing.T, h *house) {
	c := h.socket(t)
	for row, text := range map[string]string{"row 48": "", "row 49": "not json", "row 50": "[null,\"1\",\"phoenix\",\"heartbeat\",{\"a\":\"\xff\"}]"} {
		c.frame(t, frames.Text, text)
		c.alive(t)
		if !strings.Contains(h.logs.String(), "MalformedWebSocketMessage") {
			t.Errorf("%s: nothing is logged", row)
		}
	}
}

func framesBehindTheHandshakeAreRead(t *testing.T, h *house) {
	c := h.dial(t)
	heartbeat := string(frames.Masked(frames.Text, heartbeatOf(2000)))
	c.send(t, frames.Head(http.MethodGet, target("vsn=2.0.0&apikey="+token(t)), host)+heartbeat[:1500])
	if r, body := c.response(t); r.StatusCode != 101 {
		t.Fatalf("%d %s", r.StatusCode, body)
	}
	c.send(t, heartbeat[1500:])
	c.want(t, heartbeatReply)
}

func connectionThatBreaksSaysNothing(t *testing.T, h *house) {
	c := h.socket(t)
	tcp := c.Conn.(interface{ CloseWrite() error })
	if err := tcp.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if rest, err := io.ReadAll(c.Buffered); err != nil || len(rest) != 0 {
		t.Errorf("got %x, %v, want the end", rest, err)
	}
}

func TestPanicOfTheReaderClosesWith1011(t *testing.T) {
	var logged strings.Builder
	c := &session{server: &Server{log: slog.New(slog.NewTextHandler(leaks.Watch(t, &logged), nil))}, inside: true}
	func() {
		defer c.broken()
		panic("out of the reader")
	}()
	if c.end != closeInternal || !strings.Contains(logged.String(), "out of the reader") || !strings.Contains(logged.String(), "transport_test.go") {
		t.Errorf("close code %d, log %q, want 1011 and the stack", c.end, logged.String())
	}
}
