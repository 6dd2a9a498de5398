package web

import (
	"encoding/binary"
	"errors"
	"runtime/debug"

	"github.com/lxzan/gws"

	"realtime/actors"
)

// WebSocket close codes (RFC 6455 section 7.4.1) that the edge sends by itself.
const (
	closeProtocol = 1002
	closeTooLarge = 1009
	closeInternal = 1011
)

// First bytes of an unfragmented control frame.
const (
	frameClose = 0x88
	framePong  = 0x8a
)

// session is one open socket: the net.Conn that gws is given. It belongs to its read loop's goroutine. gws writes close frames only,
// which the session keeps back and replaces: they carry a reason text, and turn the client's 1001 or 1011 into 1000.
type session struct {
	*actors.Conn
	reader *actors.Reader
	server *Server
	early  []byte // arrived with the handshake, not read yet
	code   uint16 // what gws wanted to close with
	end    uint16 // what to close with; 0 is without a close frame
	empty  bool   // the client's close frame had no code: answer likewise
	inside bool   // the reader is at work: a panic now is not gws's
}

// run reads until the connection ends.
func (c *session) run(socket *gws.Conn) {
	defer c.finish()
	defer c.broken()
	socket.ReadLoop()
}

// broken recovers a panic and decides what to say after it.
func (c *session) broken() {
	p := recover()
	switch {
	case p == nil:
	case c.inside:
		c.end = closeInternal
		c.server.log.Error("reader panicked", "err", p, "stack", string(debug.Stack()))
	default:
		c.end = closeProtocol // gws panics over a length with the highest bit set
	}
}

// finish says goodbye and tells the actors.
func (c *session) finish() {
	defer c.server.sessions.Done()
	defer c.server.gate.leave()
	defer c.server.figures.sockets.Add(-1)
	switch {
	case c.empty:
		_, _ = c.Conn.Write([]byte{frameClose, 0})
	case c.end == closeProtocol || c.end == closeTooLarge:
		_, _ = c.Conn.Write(binary.BigEndian.AppendUint16([]byte{frameClose, 2}, c.end))
		linger(c.Conn.Conn) // should the peer be behind, it loses the close frame; it broke the rules
	case c.end != 0:
		_, _ = c.Conn.Write(binary.BigEndian.AppendUint16([]byte{frameClose, 2}, c.end))
	}
	_ = c.Conn.Close() // behind what waits to be sent
	c.reader.Closed()
}

// Read gives out what came with the handshake, then reads from the connection.
func (c *session) Read(p []byte) (int, error) {
	if len(c.early) == 0 {
		return c.Conn.Read(p)
	}
	n := copy(p, c.early)
	if c.early = c.early[n:]; len(c.early) == 0 {
		c.early = nil
	}
	return n, nil
}

// Write sends what gws writes, close frames apart.
func (c *session) Write(p []byte) (int, error) {
	if len(p) < 2 || p[0] != frameClose {
		return c.Conn.Write(p)
	}
	if len(p) >= 4 {
		c.code = binary.BigEndian.Uint16(p[2:])
	}
	return len(p), nil
}

// Close does nothing: finish closes, after the close frame.
func (c *session) Close() error { return nil }

// closed decides what to say at the end of the read loop, which err caused.
func (c *session) closed(err error) {
	if theirs, ok := errors.AsType[*gws.CloseError](err); ok {
		switch {
		case theirs.Code == 0:
			c.empty = true
		case validClose(theirs.Code):
			c.end = theirs.Code
		default:
			c.end = closeProtocol
		}
		return
	}
	if c.code == closeProtocol || c.code == closeTooLarge {
		c.end = c.code
	} // else the connection broke, and gws wanted to tell the peer so
}

// validClose reports whether a client may close with code: the registered ones and those left to applications.
func validClose(code uint16) bool {
	switch code {
	case 1004, 1005, 1006:
		return false
	}
	return code >= 1000 && code <= 1014 || code >= 3000 && code <= 4999
}

// events hands what gws read to the session it was read on.
type events struct{ gws.BuiltinEventHandler }

// OnMessage implements gws.Event.
func (events) OnMessage(socket *gws.Conn, m *gws.Message) {
	c := socket.NetConn().(*session)
	c.inside = true
	c.reader.Message(m.Bytes(), m.Opcode == gws.OpcodeBinary)
	c.inside = false
	_ = m.Close() // the buffer goes back to its pool
}

// OnPing answers with the same payload, past gws, whose failed write would try to close.
func (events) OnPing(socket *gws.Conn, payload []byte) {
	c := socket.NetConn().(*session)
	_, _ = c.Conn.Write(append([]byte{framePong, byte(len(payload) & 0x7f)}, payload...)) // gws lets at most 125 bytes through
}

// OnClose implements gws.Event.
func (events) OnClose(socket *gws.Conn, err error) { socket.NetConn().(*session).closed(err) }

// noStorage is gws's per-socket store, which nobody uses.
type noStorage struct{}

var storage gws.SessionStorage = noStorage{}

func (noStorage) Len() int                     { return 0 }
func (noStorage) Load(string) (any, bool)      { return nil, false }
func (noStorage) Delete(string)                {}
func (noStorage) Store(string, any)            {}
func (noStorage) Range(func(string, any) bool) {}
