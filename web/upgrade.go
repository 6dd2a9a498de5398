package web

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"

	"github.com/lxzan/gws"

	"realtime/actors"
)

// readBuffer is what an open socket reads with. A larger frame goes past it, straight into its own buffer.
const readBuffer = 512

func newUpgrader(maxFrame int, server string) *gws.Upgrader {
	return gws.NewUpgrader(events{}, &gws.ServerOption{
		ReadMaxPayloadSize: maxFrame,
		ReadBufferSize:     readBuffer,
		ResponseHeader:     http.Header{"Server": {server}},
		ParallelGolimit:    1, // the size of a chan in every gws.Conn
		NewSession:         func() gws.SessionStorage { return storage },
		// Off: ParallelEnabled (order), CheckUtf8Enabled (the scanner drops such a message, the socket stays), PermessageDeflate.
	})
}

// open answers 101 and starts the read loop. It reports why it did not, if it did not; then nc is still the caller's to answer, unless
// it broke.
func (s *Server) open(nc net.Conn, early []byte, key string, hello actors.Hello) *refusal {
	if !s.join(&s.sessions, nil) {
		return restarting()
	}
	c := &session{Conn: s.o.System.Conn(nc), early: early, server: s}
	socket, err := s.upgrader.UpgradeFromConn(c, bufio.NewReaderSize(c, readBuffer), upgradeRequest(key))
	if err != nil {
		s.sessions.Done()
		s.log.Debug("handshake answer not taken", "err", err)
		return &refusal{status: http.StatusBadRequest}
	}
	c.reader = s.o.System.Connect(c.Conn, hello)
	s.figures.sockets.Add(1)
	s.log.Debug("socket opened", "tenant", hello.Tenant.ExternalID, "version", int(hello.Version))
	go c.run(socket) // stopped by the connection's end; on a fresh stack, which an idle socket keeps small
	return nil
}

// upgradeRequest is all that gws looks at. The real one says the same in other ways, such as two Connection headers, and would be
// kept alive.
func upgradeRequest(key string) *http.Request {
	return &http.Request{Method: http.MethodGet, Header: http.Header{
		"Connection":            {"Upgrade"},
		"Upgrade":               {"websocket"},
		"Sec-Websocket-Version": {"13"},
		"Sec-Websocket-Key":     {key},
	}}
}

// upgradeProblem is upstream's sentence about a request that is no WebSocket handshake, "" for one that is.
func upgradeProblem(r *http.Request) string {
	for _, want := range [...]struct{ header, value string }{{"connection", "upgrade"}, {"upgrade", "websocket"}} {
		if !headerHas(r.Header, want.header, want.value) {
			return fmt.Sprintf("'%s' header must contain '%s', got %s", want.header, want.value, inspect(r.Header.Values(want.header)))
		}
	}
	if r.Header.Get("Sec-Websocket-Key") == "" {
		return "'sec-websocket-key' header is absent"
	}
	if !headerHas(r.Header, "sec-websocket-version", "13") {
		return "'sec-websocket-version' header must equal '13', got " + inspect(r.Header.Values("sec-websocket-version"))
	}
	if !r.ProtoAtLeast(1, 1) {
		return "HTTP version " + r.Proto + " unsupported"
	}
	return ""
}

// headerHas reports whether one of the comma-separated elements of the header is value, in any case.
func headerHas(h http.Header, name, value string) bool {
	for _, line := range h.Values(name) {
		for element := range strings.SplitSeq(line, ",") {
			if strings.EqualFold(strings.TrimSpace(element), value) {
				return true
			}
		}
	}
	return false
}

// inspect shows values as upstream's sentences do: ["keep-alive"].
func inspect(values []string) string {
	quoted := make([]string, len(values))
	for i, v := range values {
		quoted[i] = strconv.Quote(v)
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}
