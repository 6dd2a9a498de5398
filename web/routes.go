package web

import (
	"io"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"

	"realtime/protocol/codes"
)

// publicPrefix is where gateways put the server. Clients that are pointed at it directly find it there too.
const publicPrefix = "/realtime/v1"

// The socket addresses, in the server's own form.
const (
	pathSocket    = "/socket"
	pathWebSocket = "/socket/websocket"
	pathLongPoll  = "/socket/longpoll"
	pathSingle    = "/api/broadcast/{topic}/events/{event}"
)

// route is one address: a pattern of http.ServeMux and who serves it.
type route struct {
	pattern string
	handler http.Handler
}

// table is all addresses. A pattern without a method takes all of them; a known path with another method is 404, as in upstream's
// framework. HEAD is served wherever GET is.
func (s *Server) table() []route {
	single := cors(s.accepts(media(s.tenant(s.single)), typeBytes))
	return slices.Concat(s.pages(), s.managed(), []route{
		{pathWebSocket, http.HandlerFunc(s.hijack)},
		{pathSocket, http.HandlerFunc(s.hijack)}, // upgrades only: see dispatch
		{pathLongPoll, http.HandlerFunc(longPoll)},

		{"GET /healthcheck", http.HandlerFunc(healthcheck)},
		{"GET /readyz", http.HandlerFunc(s.ready)},
		{"GET /metrics", s.metrics(s.o.Registry, s.o.TenantRegistry)},
		{"GET /metrics/{region}", s.metrics(s.o.Registry, s.o.TenantRegistry)},
		{"GET /tenant-metrics", s.metrics(s.o.TenantRegistry)},
		{"GET /tenant-metrics/{region}", s.metrics(s.o.TenantRegistry)},

		{"GET /api/ping", s.accepts(s.tenant(ping))},
		{"POST /api/broadcast", cors(s.accepts(s.tenant(s.broadcast)))},
		{"OPTIONS /api/broadcast", cors(http.HandlerFunc(preflight))},
		{"POST " + pathSingle, single},
		{"OPTIONS " + pathSingle, cors(http.HandlerFunc(preflight))},
	})
}

func (s *Server) routes() *http.ServeMux {
	mux := http.NewServeMux()
	for _, r := range s.table() {
		mux.Handle(r.pattern, r.handler)
	}
	return mux
}

// dispatch finds the handler of a request, under the public prefix or not.
func (s *Server) dispatch(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		raw := address(r)
		plain, err := url.PathUnescape(raw)
		if err != nil || path.Clean(raw) != raw { // dots, which the mux would redirect
			s.statusError(w, r, http.StatusNotFound)
			return
		}
		r.URL.Path, r.URL.RawPath = plain, raw
		_, pattern := mux.Handler(r)
		if pattern == "" || r.URL.Path == pathSocket && !isSocket(r) {
			s.statusError(w, r, http.StatusNotFound)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// address is the request's path in the server's own form, still escaped: an escaped slash is part of a segment.
func address(r *http.Request) string {
	if path := r.URL.EscapedPath(); path != "" {
		return local(path)
	}
	return "/" // of an absolute address that ends with the host
}

// isSocket reports whether r is for a socket address. /socket itself is one for upgrades only: it is where people expect it.
func isSocket(r *http.Request) bool {
	switch address(r) {
	case pathWebSocket:
		return true
	case pathSocket:
		return headerHas(r.Header, "upgrade", "websocket")
	}
	return false
}

// local is a request path without the public prefix, empty segments and the final slash. Under the prefix there are the socket
// addresses, short as at a gateway (/realtime/v1/websocket) or whole, and the API; not the operator's pages.
func local(path string) string {
	for strings.Contains(path, "//") {
		path = strings.ReplaceAll(path, "//", "/")
	}
	if len(path) > 1 {
		path = strings.TrimSuffix(path, "/")
	}
	rest, ok := strings.CutPrefix(path, publicPrefix)
	switch {
	case !ok:
	case rest == "", rest == "/websocket", rest == "/longpoll":
		return pathSocket + rest
	case rest == pathSocket, rest == "/api", strings.HasPrefix(rest, "/socket/"), strings.HasPrefix(rest, "/api/"):
		return rest
	}
	return path
}

// longPoll says what to do instead. No official client uses Phoenix's long-poll transport.
func longPoll(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusNotFound, errorBody("error", "Long polling is not offered; connect a WebSocket to "+pathWebSocket))
}

// hijack is the handshake of a request that net/http read: one on a kept-alive connection, or with a body, or not a GET.
func (s *Server) hijack(w http.ResponseWriter, r *http.Request) {
	begun := time.Now()
	hello, no := s.handshake(r)
	s.figures.connected(hello.Version, no == nil, time.Since(begun))
	if no != nil {
		s.pause(r.Context(), no)
		no.write(w)
		return
	}
	if _, err := io.Copy(io.Discard, http.MaxBytesReader(w, r.Body, maxHead)); err != nil { // else it would be read as frames
		(&refusal{status: http.StatusBadRequest}).write(w)
		return
	}
	nc, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		s.log.Error("hijack failed", "code", string(codes.HttpServerError), "err", err)
		(&refusal{status: http.StatusInternalServerError}).write(w)
		return
	}
	early, _ := rw.Reader.Peek(rw.Reader.Buffered())
	h := nc.(*handed)
	plain, unread := h.take()
	rest := append(append([]byte(nil), early...), unread...)
	if no := s.open(plain, rest, r.Header.Get("Sec-Websocket-Key"), hello); no != nil {
		s.send(plain, no)
		_ = plain.Close()
		s.gate.leave()
	}
}
