package web

import (
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"

	"realtime/actors"
	"realtime/tests/frames"
	"realtime/tests/leaks"
)

// batchOf is a body with one message.
func batchOf(topic string) string {
	return `{"messages":[{"topic":"` + topic + `","event":"e","payload":{"a":1,"note":"` + leaks.Marker + `"}}]}`
}

// TestAPI is what needs no settings of its own, on one server.
func TestAPI(t *testing.T) {
	h := open(t, nil)
	h.change(t, "127", `"max_events_per_second":0`)
	for name, test := range map[string]func(*testing.T, *house){
		"broadcast reaches both versions": broadcastReachesBothVersions,
		"preflight":                       preflights,
		"ping":                            pings,
		"front pages":                     frontPages,
		"unknown routes are 404":          unknownRoutes,
	} {
		t.Run(name, func(t *testing.T) { test(t, h) })
	}
}

func broadcastReachesBothVersions(t *testing.T, h *house) {
	v2 := h.socket(t)
	v2.frame(t, frames.Text, `["1","1","realtime:room:1","phx_join",{"config":{}}]`)
	v2.want(t, `["1","1","realtime:room:1","phx_reply",{"status":"ok","response":{"postgres_changes":[]}}]`)
	v1, _, _ := h.upgrade(t, target("apikey="+token(t)), host)
	v1.frame(t, frames.Text, `{"topic":"realtime:room:1","event":"phx_join","payload":{"config":{}},"ref":"1"}`)
	v1.want(t, `{"topic":"realtime:room:1","event":"phx_reply","payload":{"status":"ok","response":{"postgres_changes":[]}},"ref":"1"}`)

	r, body := h.do(t, "POST", "/realtime/v1/api/broadcast",
		`{"messages":[{"topic":"room:1","event":"shout","payload":{"a":1}},{"topic":"room:1","event":"secret","payload":{},"private":true},{"topic":"room:1","event":"named","payload":{},"id":"order-17"}]}`,
		"apikey", token(t), "Content-Type", "application/json; charset=utf-8", "Origin", "https://page.example")
	if r.StatusCode != http.StatusAccepted || body != "" || r.Header.Get("Access-Control-Allow-Origin") != "*" || r.Header.Get("X-Broadcast-Skipped") != "1" {
		t.Fatalf("%d %q %v", r.StatusCode, body, r.Header)
	}
	const first, second = `{"type":"broadcast","event":"shout","payload":{"a":1}}`, `{"type":"broadcast","event":"named","meta":{"id":"order-17"},"payload":{}}`
	v2.want(t, `[null,null,"realtime:room:1","broadcast",`+first+`]`)
	v2.want(t, `[null,null,"realtime:room:1","broadcast",`+second+`]`)
	v1.want(t, `{"topic":"realtime:room:1","event":"broadcast","payload":`+first+`,"ref":null}`)
	v1.want(t, `{"topic":"realtime:room:1","event":"broadcast","payload":`+second+`,"ref":null}`)
}

// TestBroadcastChecksInOrder breaks one rule more in each step, from the last to the first: the earlier check answers.
func TestBroadcastChecksInOrder(t *testing.T) {
	h := open(t, nil)
	h.change(t, "abc", `"max_events_per_second":2`)
	h.change(t, "127", `"max_events_per_second":0`)
	json := []string{"Content-Type", "application/json", "Origin", "https://page.example"}
	auth := []string{"Authorization", "Bearer " + token(t)}
	with := func(parts ...[]string) (all []string) {
		for _, p := range parts {
			all = append(all, p...)
		}
		return all
	}
	three := `{"messages":[` + strings.Repeat(`{"topic":"t","event":"e","payload":{}},`, 2) + `{"topic":"t","event":"e","payload":{}}]}`
	const unauthorized = `{"message":"Unauthorized"}`
	for name, c := range map[string]struct {
		body    string
		headers []string
		status  int
		answer  string
	}{
		"accepted":          {batchOf("t"), with(json, auth), 202, ""},
		"batch over rate":   {three, with(json, auth), 429, `{"message":"Too many messages to broadcast, please reduce the batch size"}`},
		"bad message":       {strings.Replace(three, `"t"`, `1`, 1), with(json, auth), 422, `{"errors":{"messages":[{"topic":["is invalid"]},{},{}]}}`},
		"malformed":         {`{"messages":`, with(json, auth), 400, "Bad Request"},
		"malformed, JSON":   {`{`, with(json, auth, []string{"Accept", "application/json"}), 400, `"Bad Request"`},
		"too large":         {strings.Repeat(" ", maxBody+1), with(json, auth), 413, "Request Entity Too Large"},
		"not JSON at all":   {batchOf("t"), with(auth, []string{"Content-Type", "text/plain", "Origin", "x"}), 422, `{"errors":{"messages":["can't be blank"]}}`},
		"suspended":         {`{`, with(json, auth, []string{"Host", "closed.example.com"}), 403, `{"message":"Tenant is suspended"}`},
		"no token":          {`{`, with(json, []string{"Host", "closed.example.com"}), 401, unauthorized},
		"bad token":         {`{`, with(json, []string{"Authorization", "Bearer x"}), 401, unauthorized},
		"half a header":     {`{`, with(json, []string{"Authorization", "Bearer"}), 401, unauthorized},
		"request rate":      {`{`, with(json, []string{"Host", "127.0.0.1"}), 429, `{"message":"Too many requests"}`},
		"unknown tenant":    {`{`, with(json, []string{"Host", "nobody.example"}), 401, `{"message":"Tenant not found in database"}`},
		"unacceptable type": {`{`, with(json, []string{"Host", "nobody.example", "Accept", "text/html"}), 406, "Not Acceptable"},
	} {
		r, body := h.do(t, "POST", "/api/broadcast", c.body, c.headers...)
		if r.StatusCode != c.status || body != c.answer {
			t.Errorf("%s: %d %s, want %d %s", name, r.StatusCode, body, c.status, c.answer)
		}
		if got := r.Header.Get("Access-Control-Allow-Origin"); got != "*" {
			t.Errorf("%s: access-control-allow-origin %q, want *", name, got)
		}
		if limited := r.Header.Get("X-Limit-Hit") != ""; limited != (c.status == 429) {
			t.Errorf("%s: limit header: %v", name, r.Header)
		}
		if rated := r.Header.Get("X-Rate-Limit") != ""; rated != (c.status != 406 && name != "unknown tenant") {
			t.Errorf("%s: rate headers: %v", name, r.Header)
		}
	}
}

func preflights(t *testing.T, h *house) {
	r, body := h.do(t, "OPTIONS", "/api/broadcast", "", "Origin", "https://page.example", "Access-Control-Request-Headers", "authorization")
	if r.StatusCode != 204 || body != "" || r.Header.Get("Access-Control-Allow-Origin") != "*" ||
		r.Header.Get("Access-Control-Allow-Headers") != "authorization" || !strings.Contains(r.Header.Get("Access-Control-Allow-Methods"), "POST") {
		t.Errorf("%d %q %v", r.StatusCode, body, r.Header)
	}
	if r, _ := h.do(t, "POST", "/api/broadcast", "", "Host", "nobody"); r.Header.Get("Access-Control-Allow-Origin") != "" {
		t.Error("an answer to nobody's page names an origin")
	}
}

func pings(t *testing.T, h *house) {
	for host, want := range map[string]struct {
		status int
		body   string
	}{
		"abc.example.com:4000": {200, `{"message":"Success"}`},
		"nobody":               {401, `{"message":"Tenant not found in database"}`},
		"127.0.0.1":            {429, `{"message":"Too many requests"}`},
	} {
		r, body := h.do(t, "GET", "/api/ping", "", "Host", host)
		if r.StatusCode != want.status || body != want.body || r.Header.Get("Content-Type") != typeJSON {
			t.Errorf("%s: %d %s, want %d %s", host, r.StatusCode, body, want.status, want.body)
		}
		if host == "abc.example.com:4000" {
			h := r.Header
			if h.Get("X-Rate-Limit") != "100" || h.Get("X-Rate-Rolling") != "0" || h.Get("X-Rate-Limit-Remaining") != "100" || len(h.Get("X-Request-Id")) != 20 ||
				h.Get("Cache-Control") != cachePolicy {
				t.Errorf("headers %v", h)
			}
		}
	}
	if r, _ := h.do(t, "HEAD", "/api/ping", ""); r.StatusCode != 200 {
		t.Errorf("HEAD: %d", r.StatusCode)
	}
}

func unknownRoutes(t *testing.T, h *house) {
	for _, c := range [][2]string{
		{"GET", "/nothing"},

		{"POST", "/healthcheck"},
		{"GET", "/api/../healthcheck"},
		{"GET", "/realtime/v1/metrics"},
		{"GET", "/api/broadcast"},
		{"PUT", "/api/ping"},
		{"GET", "/socket"},
		{"POST", "/socket"},
	} {
		r, body := h.do(t, c[0], c[1], "")
		if r.StatusCode != 404 || body != "Not Found" || r.Header.Get("Content-Type") != typeHTML {
			t.Errorf("%s: %d %q %s", c, r.StatusCode, body, r.Header.Get("Content-Type"))
		}
	}
	if _, body := h.do(t, "GET", "/nothing", "", "Accept", "application/json"); body != `"Not Found"` {
		t.Errorf("for JSON: %s", body)
	}
	if r, body := h.do(t, "GET", "//healthcheck/", ""); r.StatusCode != 200 || body != "ok" {
		t.Errorf("healthcheck with more slashes: %d %s", r.StatusCode, body)
	}
}

func frontPages(t *testing.T, h *house) {
	for _, path := range []string{"/", "/?token=x", "/inspector", "/inspector/new", "/inspector/new?token=x"} { // the client follows
		r, body := h.do(t, "GET", path, "")
		if r.StatusCode != 200 || !strings.Contains(body, "Realtime is running.") || r.Header.Get("Content-Type") != typeText {
			t.Errorf("%s: %d %s", path, r.StatusCode, body)
		}
	}
}

func TestMetricsWithoutASecretAreForLoopback(t *testing.T) {
	h := open(t, nil)
	h.socket(t)
	waitLong(t, "shown: build, connections and the handshake", func() bool { // which is counted when its answer is out
		r, body := h.do(t, "GET", "/metrics", "")
		return r.StatusCode == 200 && strings.Contains(body, `realtime_build_info{goversion="go`) &&
			strings.Contains(body, `phoenix_connections_active{host="test",id="realtime@test",region="here"} 2`) &&
			strings.Contains(body, `phoenix_socket_connected_duration_milliseconds_count{endpoint="RealtimeWeb.Endpoint",host="test",id="realtime@test",region="here",result="ok",serializer="Elixir.RealtimeWeb.Socket.V2Serializer",transport="websocket"} 1`)
	})
	if r, body := h.do(t, "GET", "/metrics", "", "X-Forwarded-For", "203.0.113.1"); r.StatusCode != 403 || !strings.Contains(body, `{"message":"`) {
		t.Errorf("through a proxy: %d %s", r.StatusCode, body)
	}
}

func TestMetricsWithASecretAskForAToken(t *testing.T) {
	blocked := token(t, "sub", "blocked")
	h := open(t, func(o *Options, _ *actors.Options) { o.MetricsSecret, o.MetricsBlocklist = secret, []string{blocked} })
	for name, c := range map[string]struct {
		headers []string
		status  int
	}{
		"good":            {[]string{"Authorization", "Bearer " + token(t, "role", nil, "exp", nil)}, 200},
		"through a proxy": {[]string{"Authorization", "Bearer " + token(t), "X-Forwarded-For", "203.0.113.1"}, 200},
		"none":            {nil, 403},
		"lower case":      {[]string{"Authorization", "bearer " + token(t)}, 403},
		"two":             {[]string{"Authorization", "Bearer " + token(t), "Authorization", "Bearer x"}, 403},
		"expired":         {[]string{"Authorization", "Bearer " + token(t, "exp", 1)}, 403},
		"other secret":    {[]string{"Authorization", "Bearer " + forge(t, map[string]any{"alg": "HS256"}, claims(), "other")}, 403},
		"blocked":         {[]string{"Authorization", "Bearer " + blocked}, 403},
	} {
		r, body := h.do(t, "GET", "/metrics", "", c.headers...)
		if r.StatusCode != c.status || c.status == 403 && !strings.HasPrefix(body, `{"message":"`) {
			t.Errorf("%s: %d %.100s, want %d", name, r.StatusCode, body, c.status)
		}
	}
}

// slowBody never comes in time.
type slowBody struct{}

func (slowBody) Read([]byte) (int, error) { return 0, os.ErrDeadlineExceeded }
func (slowBody) Close() error             { return nil }

func TestBodyThatDoesNotComeIs408(t *testing.T) {
	s := &Server{log: slog.New(slog.DiscardHandler)}
	r := &http.Request{Header: http.Header{"Content-Type": {"application/json"}}, Body: slowBody{}, URL: &url.URL{}}
	w := &answerRecorder{header: http.Header{}}
	if _, ok := s.body(w, r); ok || w.status != http.StatusRequestTimeout || w.body.String() != "Request Timeout" {
		t.Errorf("%v, %d %s", ok, w.status, w.body.String())
	}
}
