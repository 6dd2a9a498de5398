package web

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"runtime/debug"
	"strings"
	"time"
)

// cachePolicy is upstream's framework default for everything it routes.
const cachePolicy = "max-age=0, private, must-revalidate"

// chain is what every request that net/http read goes through: bounds, request id, log line, and a net under panics.
func (s *Server) chain(mux *http.ServeMux) http.Handler {
	next := s.dispatch(mux)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.figures.busy.Add(1)
		defer s.figures.busy.Add(-1)
		if no := s.limits(r); no != nil {
			no.write(w)
			return
		}
		w.Header().Set("Server", s.name())
		path := address(r)
		id := ""
		if path != pathSocket && !strings.HasPrefix(path, pathSocket+"/") {
			id = requestID(r.Header, s.o.RequestIDKey)
			w.Header().Set("X-Request-Id", id)
			w.Header().Set("Cache-Control", cachePolicy)
		}
		r, span := s.traced(r)
		seen := &recorder{ResponseWriter: w}
		begun := time.Now()
		defer func() {
			if p := recover(); p != nil {
				s.panicked(seen, r, p)
			}
			traceEnd(span, r.Method, r.Pattern, seen.status)
			s.logged(r, path, id, seen.status, time.Since(begun))
			s.drain(w, r, seen.status)
		}()
		next.ServeHTTP(seen, r)
	})
}

// name is what the server calls itself in every answer.
func (s *Server) name() string { return "Realtime/" + s.o.Version }

// limits refuses a head that is larger than the settings allow.
func (s *Server) limits(r *http.Request) *refusal {
	if status := headStatus(r, s.o.MaxHeaderBytes); status != 0 {
		return &refusal{status: status}
	}
	return nil
}

// panicked tells the log all and the client nothing.
func (s *Server) panicked(w *recorder, r *http.Request, p any) {
	if err, ok := p.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		panic(p) // net/http's own way to cut a connection
	}
	s.log.Error("handler panicked", "err", p, "stack", string(debug.Stack()))
	if w.status == 0 {
		s.statusError(w, r, http.StatusInternalServerError)
	}
}

// drain reads what a client is still sending after it was refused: else the connection would be reset, and the answer lost with
// it. Nothing of it is kept.
func (s *Server) drain(w http.ResponseWriter, r *http.Request, status int) {
	if status < http.StatusBadRequest || r.ContentLength == 0 {
		return
	}
	c := http.NewResponseController(w)
	if c.Flush() == nil && c.SetReadDeadline(time.Now().Add(s.o.HeadTimeout)) == nil {
		_, _ = io.CopyN(io.Discard, r.Body, lingerBytes)
	}
}

// logged writes the request's line: its path only, because apikey travels in the query.
func (s *Server) logged(r *http.Request, path, id string, status int, took time.Duration) {
	if id == "" || s.o.QuietHealth && (path == "/healthcheck" || path == "/readyz" || strings.HasPrefix(path, "/api/tenants/") && strings.HasSuffix(path, "/health")) {
		return // a handshake has lines of its own
	}
	level := slog.LevelInfo
	switch {
	case status >= http.StatusInternalServerError:
		level = slog.LevelError
	case status >= http.StatusBadRequest:
		level = slog.LevelWarn
	}
	s.log.LogAttrs(r.Context(), level, "request", slog.String("method", r.Method), slog.String("path", path),
		slog.Int("status", status), slog.Duration("took", took), slog.String("request_id", id))
}

// recorder notes the status. Unwrap leaves hijacking and flushing to what it wraps.
type recorder struct {
	http.ResponseWriter
	status int
}

// WriteHeader implements http.ResponseWriter.
func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (r *recorder) Write(p []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	return r.ResponseWriter.Write(p)
}

// Unwrap is for http.ResponseController.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// requestID is what a request is called in logs: by its W3C baggage, by x-request-id, or by a fresh 20 characters.
func requestID(h http.Header, key string) string {
	if id := baggage(h, key); len(id) >= 10 && len(id) <= 200 && printable(id) {
		return id
	}
	if id := h.Get("X-Request-Id"); len(id) >= 20 && len(id) <= 200 && printable(id) {
		return id
	}
	var b [15]byte
	_, _ = rand.Read(b[:]) // never fails
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// baggage is the value of one member of the baggage headers, "" without it.
func baggage(h http.Header, key string) string {
	for _, line := range h["Baggage"] {
		for member := range strings.SplitSeq(line, ",") {
			member, _, _ = strings.Cut(member, ";")
			name, value, _ := strings.Cut(member, "=")
			if strings.TrimSpace(name) != key {
				continue
			}
			if plain, err := url.PathUnescape(strings.TrimSpace(value)); err == nil {
				return plain
			}
		}
	}
	return ""
}

func printable(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}
