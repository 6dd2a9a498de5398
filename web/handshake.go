package web

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"realtime/actors"
	"realtime/protocol"
	"realtime/protocol/codes"
	"realtime/tenancy"
)

// lookupTimeout bounds what a request waits for the tenant's row.
const lookupTimeout = 5 * time.Second

// connect makes a socket of nc, whose request is r, or says why not. rest are bytes that came behind the request.
func (s *Server) connect(nc net.Conn, rest []byte, r *http.Request) *refusal {
	begun := time.Now()
	s.figures.busy.Add(1)
	defer s.figures.busy.Add(-1)
	r, span := s.traced(r)
	hello, no := s.handshake(r)
	status := http.StatusSwitchingProtocols
	if span != nil {
		own := span.SpanContext()
		hello.Trace = &own
	}
	if no == nil {
		no = s.open(nc, rest, r.Header.Get("Sec-Websocket-Key"), hello)
	}
	if no != nil {
		status = no.status
	}
	traceEnd(span, r.Method, pathWebSocket, status)
	s.figures.connected(hello.Version, no == nil, time.Since(begun))
	return no
}

// handshake makes upstream's checks in upstream's order: version, tenant, suspension, token, limits, and only then whether the
// request is an upgrade at all.
func (s *Server) handshake(r *http.Request) (actors.Hello, *refusal) {
	if s.stopping() {
		return actors.Hello{}, restarting()
	}
	if r.Method != http.MethodGet {
		return actors.Hello{}, &refusal{status: http.StatusBadRequest}
	}
	q := r.URL.Query()
	version, ok := versionOf(q)
	if !ok {
		s.log.Warn("handshake refused", "code", string(codes.HttpClientError), "err", "vsn is not a version that is spoken here")
		return actors.Hello{}, &refusal{status: http.StatusForbidden}
	}
	hello := actors.Hello{Version: version, LogLevel: levelOf(q)}
	ctx, cancel := context.WithTimeout(r.Context(), lookupTimeout)
	defer cancel()
	t, err := s.o.Resolver.Resolve(ctx, r.Host, r.Header)
	if err != nil {
		return hello, s.refuse(ctx, hello, err)
	}
	hello.Tenant = t
	if t.Suspend {
		return hello, s.refuse(ctx, hello, codes.New(codes.RealtimeDisabledForTenant, "Realtime was disabled for this tenant"))
	}
	token, ok := connectToken(r.Header, q)
	if !ok {
		return hello, s.refuse(ctx, hello, codes.New(codes.MissingAPIKey, "API key is missing"))
	}
	claims, err := t.Verify(token, time.Now())
	if err != nil {
		return hello, s.refuseToken(ctx, hello, err)
	}
	if err := s.o.System.Admit(ctx, t); err != nil {
		return hello, s.refuse(ctx, hello, err)
	}
	if problem := upgradeProblem(r); problem != "" { // most often a proxy that does not pass the upgrade on
		s.log.Warn("handshake refused", "code", string(codes.HttpClientError), "err", problem, "tenant", t.ExternalID)
		return hello, &refusal{status: http.StatusBadRequest, kind: typeText, body: []byte(problem)}
	}
	hello.Claims, hello.Headers = claims, forwarded(r.Header)
	return hello, nil
}

// refuse answers with the code's status, after the pause.
func (s *Server) refuse(ctx context.Context, hello actors.Hello, err error) *refusal {
	f := codes.Of(err)
	if f.Code == codes.RealtimeRestarting {
		return restarting()
	}
	status, text := f.Code.Entry().Status, f.Text
	switch {
	case f.Code == codes.TenantNotFound:
		text = "Tenant not found" // what was looked up, and by which rules, is for the log
	case f.Code == codes.UnknownError || status == 0:
		status, text = http.StatusInternalServerError, "Error connecting to Realtime"
	}
	s.refused(ctx, hello, f)
	return &refusal{status: status, kind: typeJSON, body: errorBody("error", text), pause: true, cause: err}
}

// refuseToken answers a token that did not verify, after the pause. The fault's cause names the key that was tried, not the token.
func (s *Server) refuseToken(ctx context.Context, hello actors.Hello, err error) *refusal {
	f := codes.Of(err)
	s.refused(ctx, hello, f)
	status, text := tenancy.ConnectAnswer(err)
	return &refusal{status: status, kind: typeJSON, body: errorBody("error", text), pause: true}
}

// refused logs at the code's level. Codes that upstream keeps quiet about are logged for a client that asked to hear of them.
func (s *Server) refused(ctx context.Context, hello actors.Hello, f *codes.Fault) {
	e := f.Code.Entry()
	if e.Quiet && hello.LogLevel > e.Level {
		return
	}
	attrs := []any{"code", string(f.Code), "err", f.Error()}
	if hello.Tenant != nil {
		attrs = append(attrs, "tenant", hello.Tenant.ExternalID)
	}
	s.log.Log(ctx, e.Level, "handshake refused", attrs...)
}

func restarting() *refusal {
	return &refusal{status: http.StatusServiceUnavailable, kind: typeJSON, body: errorBody("error", "Realtime is restarting, please standby")}
}

// pause holds a refusal back as long as the settings say. It ends early with ctx and with the server.
func (s *Server) pause(ctx context.Context, no *refusal) {
	if !no.pause || s.o.ConnectPause <= 0 {
		return
	}
	t := time.NewTimer(s.o.ConnectPause)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	case <-s.done:
	}
}

// param is the last plain value of name, as upstream's parser sees it: name[] and name[x] are lists and objects.
func param(q url.Values, name string) (string, bool) {
	v := q[name]
	if len(v) == 0 {
		return "", false
	}
	return v[len(v)-1], true
}

// versionOf reads vsn. An absent one is V1; an empty one, a list or an object is no version.
func versionOf(q url.Values) (protocol.Version, bool) {
	for name := range q {
		if strings.HasPrefix(name, "vsn[") {
			return 0, false
		}
	}
	vsn, given := param(q, "vsn")
	if given && vsn == "" {
		return 0, false
	}
	return protocol.ParseVersion(vsn)
}

// levelOf reads log_level. realtime-js documents warn, which upstream does not know.
func levelOf(q url.Values) slog.Level {
	switch level, _ := param(q, "log_level"); level {
	case "info":
		return slog.LevelInfo
	case "warning", "warn":
		return slog.LevelWarn
	default:
		return slog.LevelError
	}
}

// connectToken is the header x-api-key if there is one, even empty, else the query's apikey.
func connectToken(h http.Header, q url.Values) (string, bool) {
	if v := h["X-Api-Key"]; len(v) > 0 {
		return v[0], true
	}
	return param(q, "apikey")
}

// forwarded are the headers x-*, which policies can read.
func forwarded(h http.Header) map[string]string {
	var m map[string]string
	for name, values := range h {
		if len(values) == 0 || !strings.HasPrefix(name, "X-") {
			continue
		}
		if m == nil {
			m = map[string]string{}
		}
		m[strings.ToLower(name)] = values[0]
	}
	return m
}
