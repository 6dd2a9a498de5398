package web

import (
	"bytes"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"realtime/actors"
	"realtime/postgres/authz"
	"realtime/protocol"
	"realtime/protocol/codes"
	"realtime/tenancy"
)

const typeBytes = "application/octet-stream"

// textTooLong is about a topic or an event that the binary form of a message has no room for. Upstream crashes over it.
const textTooLong = "is too long for a binary payload (255 bytes at most, realtime: included)"

// media refuses a body of a type that the single route does not take. It comes before everything else, as in upstream. No type at
// all is accepted: the payload is {}.
func media(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if kind := mediaType(r.Header); kind == "" && len(r.Header["Content-Type"]) == 0 || kind == "application/json" || kind == typeBytes {
			next.ServeHTTP(w, r)
			return
		}
		answer(w, http.StatusUnsupportedMediaType, errorBody("error", "Unsupported Media Type. Use application/json or application/octet-stream"))
	})
}

// single is POST /api/broadcast/:topic/events/:event: one message, whose payload is the body.
func (s *Server) single(w http.ResponseWriter, r *http.Request, t *tenancy.Tenant) {
	claims, ok := s.authorize(w, r, t)
	if !ok {
		return
	}
	topic, event := r.PathValue("topic"), r.PathValue("event")
	if !utf8.ValidString(topic) || !utf8.ValidString(event) {
		s.statusError(w, r, http.StatusBadRequest)
		return
	}
	b := protocol.Broadcast{Event: []byte(event)}
	if b.Form, b.Payload, ok = s.payload(w, r); !ok {
		return
	}
	q := r.URL.Query()
	p := actors.Publication{Topic: topic, Private: isTrue(q, "private"), Broadcast: b}
	keep, problem := persistence(q, p.Private)
	if why := singleProblems(&p, t.Limits.PayloadBytes()).with("persist", problem); len(why) > 0 {
		s.unprocessable(w, r, t, why.append([]byte(`{"errors":`)))
		return
	}
	if p.Broadcast.Form == protocol.FormUserJSON {
		p.Broadcast.Payload = asObject(p.Broadcast.Payload)
	}
	if limit := t.Limits.EventsPerSecond; s.o.System.EventRate(t) >= float64(limit) {
		tooMany(w, "You have exceeded your rate limit", &protocol.Limit{Name: "max_events_per_second", Limit: float64(limit), Value: s.o.System.EventRate(t)})
		return
	}
	err := s.sendSingle(r, t, claims, p, keep)
	switch refused, ok := errors.AsType[*deniedError](err); {
	case ok:
		s.denied(w, r, t, refused.cause)
	case err != nil:
		s.publishFailed(w, r, t, err)
	default:
		w.WriteHeader(http.StatusAccepted)
	}
}

// deniedError is what policies, or those who could not ask them, have against a message.
type deniedError struct{ cause error }

func (e *deniedError) Error() string { return "private broadcast denied: " + e.cause.Error() }

// sendSingle publishes one message, on a private topic if the caller may write to it. It is stored afterwards if keep says so.
func (s *Server) sendSingle(r *http.Request, t *tenancy.Tenant, claims *tenancy.Claims, p actors.Publication, keep *protocol.Persist) error {
	if !p.Private {
		return s.o.System.Publish(r.Context(), t, []actors.Publication{p})
	}
	var also []authz.Decision
	if keep != nil {
		also = []authz.Decision{authz.WritePersistence}
	}
	g, err := s.mayWrite(r.Context(), t, actors.Caller{Claims: claims, Headers: forwarded(r.Header)}, p.Topic, also...)
	if err != nil {
		return &deniedError{cause: err}
	}
	if keep == nil {
		return s.o.System.Publish(r.Context(), t, []actors.Publication{p})
	}
	return s.o.System.PublishStored(r.Context(), t, p, keep, g)
}

// persistence reads persist=true or persist[ttl]=60, nil for neither, and says what is wrong with it.
func persistence(q url.Values, private bool) (keep *protocol.Persist, problem string) {
	flag, _ := param(q, "persist")
	ttl, _ := param(q, "persist[ttl]")
	keep = protocol.PersistQuery(flag, ttl)
	switch {
	case keep == nil:
		return nil, ""
	case !private:
		return nil, "can only be used on private channels"
	case keep.Err != nil:
		return nil, textInvalid
	}
	return keep, ""
}

// payload reads the body as its type says: JSON, or bytes. A body without a type is not read and counts as {}, like an empty one.
func (s *Server) payload(w http.ResponseWriter, r *http.Request) (protocol.Form, []byte, bool) {
	kind := mediaType(r.Header)
	if kind == "" {
		return protocol.FormUserJSON, protocol.EmptyObject, true
	}
	body, ok := s.read(w, r)
	switch {
	case !ok:
		return 0, nil, false
	case kind == typeBytes:
		return protocol.FormUserBinary, body, true
	case len(body) == 0:
		return protocol.FormUserJSON, protocol.EmptyObject, true
	case !protocol.Valid(body):
		s.statusError(w, r, http.StatusBadRequest)
		return 0, nil, false
	}
	return protocol.FormUserJSON, body, true
}

// asObject wraps a payload that is no object, as upstream's parser of bodies does.
func asObject(v []byte) []byte {
	if v = bytes.TrimSpace(v); v[0] == '{' {
		return v
	}
	wrapped := append([]byte(`{"_json":`), v...)
	return append(wrapped, '}')
}

// singleProblems says what is wrong with a message, nothing if it can be sent.
func singleProblems(p *actors.Publication, limit int) wrong {
	var why wrong
	why = why.with("topic", nameProblem(p.Topic, p.Broadcast.Form, len(protocol.TopicPrefix)))
	why = why.with("event", nameProblem(string(p.Broadcast.Event), p.Broadcast.Form, 0))
	if len(p.Broadcast.Payload) > limit {
		why = why.with("payload", textTooLarge)
	}
	return why
}

func nameProblem(name string, form protocol.Form, more int) string {
	switch {
	case strings.TrimSpace(name) == "":
		return textBlank
	case form == protocol.FormUserBinary && len(name)+more > protocol.MaxBinaryField:
		return textTooLong
	}
	return ""
}

// isTrue reads a flag of the query. Everything but "true" is false.
func isTrue(q url.Values, name string) bool {
	v, _ := param(q, name)
	return v == "true"
}

// unprocessable answers 422 with {"errors":…}, of which open lacks the last brace.
func (s *Server) unprocessable(w http.ResponseWriter, r *http.Request, t *tenancy.Tenant, open []byte) {
	code := codes.UnprocessableEntity
	s.log.Log(r.Context(), code.Entry().Level, "broadcast refused", "code", string(code), "tenant", t.ExternalID)
	answer(w, http.StatusUnprocessableEntity, append(open, '}'))
}
