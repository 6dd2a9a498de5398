package web

import (
	"bytes"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"realtime/protocol"
	"realtime/protocol/codes"
)

// Content types of the answers.
const (
	typeJSON = "application/json; charset=utf-8"
	typeText = "text/plain; charset=utf-8"
	typeHTML = "text/html; charset=utf-8"
)

// refusal is the answer to a handshake that does not become a socket. The connection is closed after it.
type refusal struct {
	status int
	kind   string // content type; "" without a body
	body   []byte
	pause  bool  // held back for Options.ConnectPause
	cause  error // the headers name a limit that it is about
}

func (n *refusal) header(h http.Header) {
	if n.kind != "" {
		h.Set("Content-Type", n.kind)
	}
	h.Set("Cache-Control", cachePolicy)
	h.Set("Connection", "close")
	explainLimit(h, n.cause)
}

// response is n for a connection that net/http does not serve.
func (n *refusal) response(server string) *http.Response {
	h := http.Header{"Date": {time.Now().UTC().Format(http.TimeFormat)}, "Server": {server}}
	n.header(h)
	return &http.Response{
		StatusCode: n.status, ProtoMajor: 1, ProtoMinor: 1, Header: h,
		Body: io.NopCloser(bytes.NewReader(n.body)), ContentLength: int64(len(n.body)),
	}
}

// write is n for one that it does.
func (n *refusal) write(w http.ResponseWriter) {
	n.header(w.Header())
	w.Header().Set("Content-Length", strconv.Itoa(len(n.body)))
	w.WriteHeader(n.status)
	_, _ = w.Write(n.body)
}

// errorBody is {"<key>": text}.
func errorBody(key, text string) []byte {
	b := append([]byte{'{'}, '"')
	b = append(append(b, key...), '"', ':')
	return append(protocol.AppendString(b, text), '}')
}

// answer writes a JSON body.
func answer(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("Content-Type", typeJSON)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

// message is the {"message": text} of the application's own refusals.
func message(w http.ResponseWriter, status int, text string) {
	answer(w, status, errorBody("message", text))
}

// statusError is what upstream's framework says by itself: the status text, as a JSON string for those who would rather have JSON.
func (s *Server) statusError(w http.ResponseWriter, r *http.Request, status int) {
	code := codes.HttpClientError
	if status >= http.StatusInternalServerError {
		code = codes.HttpServerError
	}
	s.log.Log(r.Context(), code.Entry().Level, "request failed", "code", string(code), "status", status, "method", r.Method, "path", r.URL.Path)
	text := http.StatusText(status)
	kind := typeHTML
	if prefersJSON(r.Header.Get("Accept")) {
		kind, text = typeJSON, strconv.Quote(text)
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text)
}

// prefersJSON reports whether JSON comes before HTML in an Accept header. Absent and */* mean HTML.
func prefersJSON(accept string) bool {
	json, html := quality(accept, "application", "json"), quality(accept, "text", "html")
	return json > 0 && json > html
}

// acceptsJSON reports whether an Accept header leaves room for JSON.
func acceptsJSON(accept string) bool {
	return strings.TrimSpace(accept) == "" || quality(accept, "application", "json") > 0
}

// quality is the weight that an Accept header gives a type, by its most exact range that fits; 0 is not at all. Equal weights keep
// their order: an earlier range counts a little more.
func quality(accept, kind, subtype string) float64 {
	best, exact := 0.0, -1
	for i, item := range strings.Split(accept, ",") {
		name, params, err := mime.ParseMediaType(item)
		if err != nil {
			continue
		}
		k, sub, _ := strings.Cut(name, "/")
		if k != "*" && k != kind || sub != "*" && sub != subtype {
			continue
		}
		q := 1.0
		if text, ok := params["q"]; ok {
			if q, err = strconv.ParseFloat(text, 64); err != nil {
				q = 1
			}
		}
		fit := 0
		if k != "*" {
			fit++
		}
		if sub != "*" {
			fit++
		}
		if fit > exact {
			best, exact = max(q-float64(i)*1e-6, 0), fit
		}
	}
	return best
}
