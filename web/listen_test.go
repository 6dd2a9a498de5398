package web

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"realtime/actors"
	"realtime/tests/frames"
)

// TestListen is what needs no settings of its own, on one server.
func TestListen(t *testing.T) {
	h := open(t, nil)
	for name, test := range map[string]func(*testing.T, *house){
		"upgrade on a kept-alive connection": upgradeOnAKeptAliveConnection,
		"upgrade with a body":                upgradeWithABody,
		"large heads":                        largeHeads,
		"panic of a handler is a 500":        panicOfAHandler,
	} {
		t.Run(name, func(t *testing.T) { test(t, h) })
	}
}

func upgradeOnAKeptAliveConnection(t *testing.T, h *house) {
	c := h.dial(t)
	for range 2 {
		c.send(t, "GET /healthcheck HTTP/1.1\r\nHost: x\r\n\r\n")
		if r, body := c.response(t); r.StatusCode != 200 || body != "ok" {
			t.Fatalf("%d %s", r.StatusCode, body)
		}
	}
	c.send(t, frames.Head(http.MethodGet, target("vsn=2.0.0&apikey="+token(t)), host)+string(frames.Masked(frames.Text, heartbeatOf(200))))
	if r, body := c.response(t); r.StatusCode != 101 {
		t.Fatalf("%d %s", r.StatusCode, body)
	}
	c.want(t, heartbeatReply)
	c.alive(t)
	c.frame(t, 0x88, "")
	if b0, _, err := c.Next(); err != nil || b0 != frameClose {
		t.Fatalf("frame %#x, %v, want a close", b0, err)
	}
}

func upgradeWithABody(t *testing.T, h *house) {
	c := h.dial(t)
	c.send(t, frames.Head(http.MethodGet, target("vsn=2.0.0&apikey="+token(t)), host, "Content-Length: 2")+"{}")
	if r, body := c.response(t); r.StatusCode != 101 {
		t.Fatalf("%d %s", r.StatusCode, body)
	}
	c.alive(t)
}

func TestRefusalOnAKeptAliveConnectionIsPausedToo(t *testing.T) {
	const pause = 200 * time.Millisecond
	h := open(t, func(o *Options, _ *actors.Options) { o.ConnectPause = pause })
	c := h.dial(t)
	c.send(t, "GET /healthcheck HTTP/1.1\r\nHost: x\r\n\r\n")
	c.response(t)
	begun := time.Now()
	c.send(t, frames.Head(http.MethodGet, target("apikey=bad"), host))
	r, body := c.response(t)
	if took := time.Since(begun); r.StatusCode != 401 || body != `{"error":"The token provided is not a valid JWT"}` || took < pause {
		t.Errorf("%d %s after %v", r.StatusCode, body, took)
	}
}

func largeHeads(t *testing.T, h *house) {
	good := token(t)
	for name, c := range map[string]struct {
		head   string
		status int
	}{
		"address of 8,000 bytes": {frames.Head("GET", target("pad="+strings.Repeat("x", 8000)+"&apikey="+good), host), 101},
		"address too long":       {frames.Head("GET", target("pad="+strings.Repeat("x", maxLine)), host), 414},
		"endless address":        {"GET /" + strings.Repeat("x", 10*maxLine), 414},
		"header of 4,096 bytes":  {frames.Head("GET", target("apikey="+good), host, "X-Pad: "+strings.Repeat("x", 4096)), 101},
		"header of 4,097 bytes":  {frames.Head("GET", target("apikey="+good), host, "X-Pad: "+strings.Repeat("x", 4097)), 431},
		"endless header":         {"GET / HTTP/1.1\r\nX-Pad: " + strings.Repeat("x", 100_000), 431},
		"header of an API call":  {"GET /healthcheck HTTP/1.1\r\nHost: x\r\nX-Pad: " + strings.Repeat("x", 4097) + "\r\n\r\n", 431},
		"malformed":              {"GET\r\n\r\n", 400},
		"upgrade by HTTP/1.0":    {strings.Replace(frames.Head("GET", target("apikey="+good), host), "HTTP/1.1", "HTTP/1.0", 1), 400},
		"no host":                {"GET /healthcheck HTTP/1.1\r\n\r\n", 400},
	} {
		c2 := h.dial(t)
		c2.send(t, c.head)
		if r, body := c2.response(t); r.StatusCode != c.status {
			t.Errorf("%s: %d %s, want %d", name, r.StatusCode, body, c.status)
		}
	}
}

func TestSlowHeadIsCutOff(t *testing.T) {
	h := open(t, func(o *Options, _ *actors.Options) { o.HeadTimeout = 100 * time.Millisecond })
	silent, slow := h.dial(t), h.dial(t)
	slow.send(t, "GET / HT")
	silent.wantEnd(t)
	slow.wantEnd(t)
}

func TestConnectionsBeyondTheLimitWait(t *testing.T) {
	h := open(t, func(o *Options, _ *actors.Options) { o.MaxConnections = 2 })
	first, second := h.socket(t), h.dial(t)
	second.send(t, "GET /healthcheck HTTP/1.1\r\nHost: x\r\n\r\n")
	second.response(t)
	third := h.dial(t)
	third.send(t, "GET /healthcheck HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
	third.quiet(t, 100*time.Millisecond)
	if got := h.gate.limit(); got != 2 {
		t.Errorf("limit %d", got)
	}
	_ = first.Close()
	if r, _ := third.response(t); r.StatusCode != 200 {
		t.Errorf("%d", r.StatusCode)
	}
}

func TestShutdownRefusesAndDrains(t *testing.T) {
	h := open(t, func(o *Options, _ *actors.Options) { o.ConnectPause = time.Minute })
	socket, silent, paused, kept := h.socket(t), h.dial(t), h.dial(t), h.dial(t)
	paused.send(t, frames.Head(http.MethodGet, target("apikey=bad"), host))
	kept.send(t, "POST /api/broadcast HTTP/1.1\r\nHost: abc.x\r\nAuthorization: Bearer "+token(t)+"\r\nContent-Type: application/json\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
	if r, err := http.ReadResponse(kept.Buffered, nil); err != nil || r.StatusCode != 100 {
		t.Fatalf("%v, %v, want 100", r, err)
	}
	waitFor(t, func() bool { return strings.Contains(h.logs.String(), "handshake refused") })

	done := make(chan error, 1)
	ctx, cancel := context.WithTimeout(t.Context(), patient)
	defer cancel()
	go func() { done <- h.Shutdown(ctx) }() // ends with ctx
	silent.wantEnd(t)
	if r, _ := paused.response(t); r.StatusCode != 401 {
		t.Errorf("paused refusal: %d, want 401 at once", r.StatusCode)
	}
	select {
	case err := <-done:
		t.Fatalf("shut down with a request at work: %v", err)
	default:
	}
	kept.send(t, "{}")
	if r, _ := kept.response(t); r.StatusCode != 422 {
		t.Errorf("request at work: %d, want its answer", r.StatusCode)
	}
	if err := <-done; err != nil {
		t.Errorf("shut down: %v", err)
	}
	socket.alive(t) // sockets are the actors' to end
	if _, no := h.handshake(&http.Request{Method: http.MethodGet}); no == nil || no.status != 503 || no.pause {
		t.Errorf("handshake after the end: %+v, want 503 at once", no)
	}
	h.o.System.Drain(ctx)
	socket.wantClose(t, 1012)
}

func waitFor(t *testing.T, met func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patient); !met(); {
		if time.Now().After(deadline) {
			t.Fatal("waited in vain")
		}
		<-time.After(5 * time.Millisecond)
	}
}

func TestLogsHaveNoSecrets(t *testing.T) {
	h := open(t, nil)
	good, bad := token(t, "sub", "somebody"), forge(t, map[string]any{"alg": "HS256"}, claims(), "other")
	for _, q := range []string{"vsn=2.0.0&apikey=" + good, "apikey=" + bad, "apikey=not-a-jwt-but-private", "log_level=info&apikey=" + token(t, "exp", 1)} {
		h.upgrade(t, target(q), host)
		h.upgrade(t, "/socket/longpoll?"+q, host)
		h.do(t, "GET", "/api/ping?"+q, "")
		h.do(t, "POST", "/api/broadcast?"+q, `{"messages":[{"topic":"the-topic"}]}`, "Authorization", "Bearer "+strings.TrimPrefix(q, "apikey="), "Content-Type", "application/json")
	}
	logs := h.logs.String()
	for _, secret := range []string{good, bad, "not-a-jwt-but-private", "apikey=", "somebody", "the-topic", secret} {
		if strings.Contains(logs, secret) {
			t.Errorf("the log has %.30s…", secret)
		}
	}
	for _, want := range []string{
		`"msg":"request","method":"GET","path":"/api/ping","status":200`, `"level":"WARN","msg":"request","method":"POST","path":"/api/broadcast","status":401`,
		`"code":"MalformedJWT"`, `"code":"InvalidJWTToken"`, `"code":"JwtSignatureError"`, `"tenant":"abc"`,
	} {
		if !strings.Contains(logs, want) {
			t.Errorf("the log lacks %s", want)
		}
	}
}

func TestQuietCodesAreLoggedOnRequest(t *testing.T) {
	h := open(t, nil)
	h.upgrade(t, target("apikey="+token(t, "exp", 1)), host)
	if strings.Contains(h.logs.String(), "InvalidJWTToken") {
		t.Error("logged for a client that did not ask")
	}
	h.upgrade(t, target("log_level=warning&apikey="+token(t, "exp", 1)), host)
	if !strings.Contains(h.logs.String(), "InvalidJWTToken") {
		t.Error("not logged for a client that asked")
	}
}

func TestHealthLinesCanBeSilenced(t *testing.T) {
	h := open(t, func(o *Options, _ *actors.Options) { o.QuietHealth = true })
	h.do(t, "GET", "/healthcheck", "")
	h.do(t, "GET", "/api/ping", "")
	waitFor(t, func() bool { return strings.Contains(h.logs.String(), "/api/ping") })
	if strings.Contains(h.logs.String(), "/healthcheck") {
		t.Error("logged")
	}
}

func panicOfAHandler(t *testing.T, h *house) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /boom", func(http.ResponseWriter, *http.Request) { panic("boom") })
	w := &answerRecorder{header: http.Header{}}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "/boom", nil)
	if err != nil {
		t.Fatal(err)
	}
	h.chain(mux).ServeHTTP(w, r)
	if w.status != 500 || w.body.String() != "Internal Server Error" || !strings.Contains(h.logs.String(), `"err":"boom"`) {
		t.Errorf("%d %s", w.status, w.body.String())
	}
}

type answerRecorder struct {
	header http.Header
	status int
	body   strings.Builder
}

func (a *answerRecorder) Header() http.Header         { return a.header }
func (a *answerRecorder) WriteHeader(status int)      { a.status = status }
func (a *answerRecorder) Write(p []byte) (int, error) { return io.MultiWriter(&a.body).Write(p) }

func TestDatabaseTroubleIsA500(t *testing.T) {
	h := open(t, nil)
	h.store.Close()
	_, r, body := h.upgrade(t, target("apikey="+token(t)), host)
	if r.StatusCode != 500 || body != `{"error":"Error connecting to Realtime"}` {
		t.Errorf("handshake: %d %s", r.StatusCode, body)
	}
	if r, body := h.do(t, "GET", "/api/ping", ""); r.StatusCode != 500 || body != "Internal Server Error" {
		t.Errorf("ping: %d %s", r.StatusCode, body)
	}
}
