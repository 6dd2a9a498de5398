package web

import (
	"errors"
	"io"
	"mime"
	"net"
	"net/http"
	"strconv"
	"strings"

	"realtime/actors"
	"realtime/protocol"
	"realtime/protocol/codes"
	"realtime/tenancy"
)

// maxBody is upstream's bound of a request body, in bytes.
const maxBody = 8_000_000

// skippedHeader counts the messages of an accepted batch that were not sent, because the caller may not write to their topics.
const skippedHeader = "X-Broadcast-Skipped"

// broadcast is POST /api/broadcast: all messages of a batch, or none.
func (s *Server) broadcast(w http.ResponseWriter, r *http.Request, t *tenancy.Tenant) {
	claims, ok := s.authorize(w, r, t)
	if !ok {
		return
	}
	body, ok := s.body(w, r)
	if !ok {
		return
	}
	batch, err := parseBatch(body, t.Limits.PayloadBytes())
	if err != nil {
		s.badBatch(w, r, t, err)
		return
	}
	if over := overRate(s.o.System.EventRate(t), len(batch), t.Limits.EventsPerSecond); over != nil {
		tooMany(w, "Too many messages to broadcast, please reduce the batch size", over)
		return
	}
	skipped := len(batch)
	batch = s.allowed(r.Context(), t, actors.Caller{Claims: claims, Headers: forwarded(r.Header)}, batch)
	skipped -= len(batch)
	if err := s.o.System.Publish(r.Context(), t, batch); err != nil {
		s.publishFailed(w, r, t, err)
		return
	}
	if skipped > 0 {
		w.Header().Set(skippedHeader, strconv.Itoa(skipped))
	}
	w.WriteHeader(http.StatusAccepted)
}

// overRate says how n more messages are too many at an average rate, nil if they are not. A rate that is over the limit by itself
// is Publish's to refuse.
func overRate(average float64, n, limit int) error {
	if average > float64(limit) || average+float64(n) <= float64(limit) {
		return nil
	}
	return &protocol.Limit{Name: "max_events_per_second", Limit: float64(limit), Value: average + float64(n)}
}

func (s *Server) badBatch(w http.ResponseWriter, r *http.Request, t *tenancy.Tenant, err error) {
	bad, ok := errors.AsType[*batchError](err)
	if !ok {
		s.statusError(w, r, http.StatusBadRequest)
		return
	}
	code := codes.UnprocessableEntity
	s.log.Log(r.Context(), code.Entry().Level, "batch refused", "code", string(code), "tenant", t.ExternalID)
	answer(w, http.StatusUnprocessableEntity, bad.body)
}

func (s *Server) publishFailed(w http.ResponseWriter, r *http.Request, t *tenancy.Tenant, err error) {
	f := codes.Of(err)
	s.log.Log(r.Context(), f.Code.Entry().Level, "broadcast refused", "code", string(f.Code), "err", err, "tenant", t.ExternalID)
	switch f.Code {
	case codes.MessagePerSecondRateLimitReached:
		tooMany(w, "You have exceeded your rate limit", err)
	case codes.RealtimeRestarting:
		message(w, http.StatusServiceUnavailable, f.Text)
	default:
		s.statusError(w, r, http.StatusInternalServerError)
	}
}

// body reads a JSON body, within its bound. A body of another type is not read and counts as {}, like an empty one.
func (s *Server) body(w http.ResponseWriter, r *http.Request) ([]byte, bool) {
	if !isJSON(mediaType(r.Header)) {
		return nil, true
	}
	return s.read(w, r)
}

// read reads a body of any type within its bound. It answers 413, 408 or 400 if it cannot.
func (s *Server) read(w http.ResponseWriter, r *http.Request) ([]byte, bool) {
	b, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err == nil {
		return b, true
	}
	status := http.StatusBadRequest
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		status = http.StatusRequestEntityTooLarge
	} else if slow, ok := errors.AsType[net.Error](err); ok && slow.Timeout() {
		status = http.StatusRequestTimeout
	}
	s.statusError(w, r, status)
	return nil, false
}

// isJSON reports whether a media type is read as JSON.
func isJSON(kind string) bool {
	return kind == "application/json" || strings.HasPrefix(kind, "application/") && strings.HasSuffix(kind, "+json")
}

// mediaType is the type of a request's body without its parameters, "" if it has none that can be read.
func mediaType(h http.Header) string {
	kind, _, err := mime.ParseMediaType(h.Get("Content-Type"))
	if err != nil {
		return ""
	}
	return kind
}
