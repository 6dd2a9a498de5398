package web

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"realtime/protocol"
	"realtime/tests/frames"
)

// TestSingle is what the single route says and delivers, on one server.
func TestSingle(t *testing.T) {
	h := open(t, nil)
	h.change(t, "127", `"max_events_per_second":0`)
	for name, test := range map[string]func(*testing.T, *house){
		"JSON reaches both versions":        singleJSON,
		"bytes reach version 2 alone":       singleBytes,
		"topics and events are segments":    singleSegments,
		"checks in order":                   singleChecks,
		"private comes from the query":      singlePrivate,
		"the answer of another media type":  singleMedia,
		"preflight is answered for a topic": singlePreflight,
	} {
		t.Run(name, func(t *testing.T) { test(t, h) })
	}
}

// join joins a channel on a fresh socket of each version.
func (h *house) join(t *testing.T, topic string) (v2, v1 *raw) {
	t.Helper()
	v2 = h.socket(t)
	v2.frame(t, frames.Text, `["1","1","realtime:`+topic+`","phx_join",{"config":{}}]`)
	v2.want(t, `["1","1","realtime:`+topic+`","phx_reply",{"status":"ok","response":{"postgres_changes":[]}}]`)
	v1, _, _ = h.upgrade(t, target("apikey="+token(t)), host)
	v1.frame(t, frames.Text, `{"topic":"realtime:`+topic+`","event":"phx_join","payload":{"config":{}},"ref":"1"}`)
	v1.want(t, `{"topic":"realtime:`+topic+`","event":"phx_reply","payload":{"status":"ok","response":{"postgres_changes":[]}},"ref":"1"}`)
	return v2, v1
}

// send1 posts one message and wants 202 without a body.
func (h *house) send1(t *testing.T, path, kind, body string) {
	t.Helper()
	headers := []string{"Authorization", "Bearer " + token(t)}
	if kind != "" {
		headers = append(headers, "Content-Type", kind)
	}
	if r, answer := h.do(t, "POST", path, body, headers...); r.StatusCode != http.StatusAccepted || answer != "" {
		t.Fatalf("POST %s %q: %d %q, want 202", path, body, r.StatusCode, answer)
	}
}

// wantUser wants a kind 4 frame.
func (c *raw) wantUser(t *testing.T, topic, event, payload string, encoding byte) {
	t.Helper()
	want := string([]byte{4, byte(len(topic)), byte(len(event)), 0, encoding}) + topic + event + payload
	b0, got, err := c.Next()
	if err != nil || b0 != frames.Binary || string(got) != want {
		t.Fatalf("got %#x %q, %v, want %q", b0, got, err, want)
	}
}

func singleJSON(t *testing.T, h *house) {
	v2, v1 := h.join(t, "json")
	for _, c := range []struct{ kind, body, want string }{
		{"application/json", `{"a": 1}`, `{"a": 1}`},
		{"application/json; charset=utf-8", ` [1,2]`, `{"_json":[1,2]}`},
		{"application/json", `null`, `{"_json":null}`},
		{"application/json", ``, `{}`},
		{"", `{"unread":true}`, `{}`},
		{"application/json", `{"private":true,"_method":"DELETE","_binary":"x"}`, `{"private":true,"_method":"DELETE","_binary":"x"}`},
	} {
		h.send1(t, "/realtime/v1/api/broadcast/json/events/shout", c.kind, c.body)
		v2.wantUser(t, "realtime:json", "shout", c.want, 1)
		v1.want(t, `{"topic":"realtime:json","event":"broadcast","payload":{"type":"broadcast","event":"shout","payload":`+c.want+`},"ref":null}`)
	}
}

func singleBytes(t *testing.T, h *house) {
	v2, v1 := h.join(t, "bytes")
	for _, body := range []string{"\x00\xff{", ""} {
		h.send1(t, "/api/broadcast/bytes/events/raw", typeBytes, body)
		v2.wantUser(t, "realtime:bytes", "raw", body, 0)
	}
	h.send1(t, "/api/broadcast/bytes/events/last", "application/json", `{}`)
	v1.want(t, `{"topic":"realtime:bytes","event":"broadcast","payload":{"type":"broadcast","event":"last","payload":{}},"ref":null}`)
}

func singleSegments(t *testing.T, h *house) {
	for _, c := range []struct{ topic, path, event string }{
		{"a:b", "/api/broadcast/a:b/events/e", "e"},
		{"a/b", "/api/broadcast/a%2Fb/events/e", "e"},
		{"a//b", "/api/broadcast/a%2F%2fb/events/e%20f", "e f"},
		{"ü", "/api/broadcast/" + url.PathEscape("ü") + "/events/%C3%BC", "ü"},
		{"..", "/api/broadcast/%2e%2E/events/%2e", "."},
		{"%2F", "/api/broadcast/%252F/events/e/", "e"},
	} {
		v2, _ := h.join(t, c.topic)
		h.send1(t, c.path, "application/json", `1`)
		v2.wantUser(t, "realtime:"+c.topic, c.event, `{"_json":1}`, 1)
	}
}

func singleChecks(t *testing.T, h *house) {
	const path = "/api/broadcast/t/events/e"
	json, bytes := []string{"Content-Type", "application/json"}, []string{"Content-Type", typeBytes}
	auth := []string{"Authorization", "Bearer " + token(t)}
	large := `"` + strings.Repeat("x", 3_000_500) + `"`
	long := strings.Repeat("t", 256-len(protocol.TopicPrefix))
	with := func(parts ...[]string) (all []string) {
		for _, p := range parts {
			all = append(all, p...)
		}
		return all
	}
	for name, c := range map[string]struct {
		path, body string
		headers    []string
		status     int
		answer     string
	}{
		"accepted":         {path, `{}`, with(json, auth), 202, ""},
		"the largest":      {path, large[2:], with(bytes, auth), 202, ""},
		"long topic, JSON": {"/api/broadcast/" + long + "/events/e", `{}`, with(json, auth), 202, ""},
		"kept, public":     {path + "?persist=true", `{}`, with(json, auth), 422, `{"errors":{"persist":["can only be used on private channels"]}}`},
		"kept for nothing": {path + "?private=true&persist[ttl]=0", `{}`, with(json, auth), 422, `{"errors":{"persist":["is invalid"]}}`},
		"private":          {path + "?private=true", `{}`, with(json, auth), 403, `{"message":"Unauthorized"}`},
		"too large":        {path, large, with(json, auth), 422, `{"errors":{"payload":["Payload size exceeds tenant limit"]}}`},
		"blank":            {"/api/broadcast/%20/events/%20", `{}`, with(json, auth), 422, `{"errors":{"topic":["can't be blank"],"event":["can't be blank"]}}`},
		"long topic":       {"/api/broadcast/" + long + "/events/e", `{}`, with(bytes, auth), 422, `{"errors":{"topic":["` + textTooLong + `"]}}`},
		"not UTF-8":        {"/api/broadcast/%FF/events/e", `{}`, with(json, auth), 400, "Bad Request"},
		"malformed":        {path, `{`, with(json, auth), 400, "Bad Request"},
		"far too large":    {path, strings.Repeat("x", maxBody+1), with(bytes, auth), 413, "Request Entity Too Large"},
		"suspended":        {path, `{`, with(json, auth, []string{"Host", "closed.example.com"}), 403, `{"message":"Tenant is suspended"}`},
		"no token":         {path, `{`, with(json, []string{"Host", "closed.example.com"}), 401, `{"message":"Unauthorized"}`},
		"request rate":     {path, `{`, with(json, []string{"Host", "127.0.0.1"}), 429, `{"message":"Too many requests"}`},
		"unknown tenant":   {path, `{`, with(json, []string{"Host", "nobody.example"}), 401, `{"message":"Tenant not found in database"}`},
		"media type": {
			path, `{`, with([]string{"Content-Type", "text/plain", "Host", "nobody.example"}), 415,
			`{"error":"Unsupported Media Type. Use application/json or application/octet-stream"}`,
		},
		"unacceptable":  {path, `{`, []string{"Content-Type", "text/plain", "Accept", "text/html"}, 406, "Not Acceptable"},
		"accepts bytes": {path, `{}`, with(json, auth, []string{"Accept", typeBytes}), 202, ""},
		"no event":      {"/api/broadcast/t/events", `{}`, with(json, auth), 404, "Not Found"},
		"empty topic":   {"/api/broadcast//events/e", `{}`, with(json, auth), 404, "Not Found"},
		"dots":          {"/api/broadcast/../events/e", `{}`, with(json, auth), 404, "Not Found"},
	} {
		r, body := h.do(t, "POST", c.path, c.body, append(c.headers, "Origin", "https://page.example")...)
		if r.StatusCode != c.status || body != c.answer {
			t.Errorf("%s: %d %.200s, want %d %s", name, r.StatusCode, body, c.status, c.answer)
		}
		if got := r.Header.Get("Access-Control-Allow-Origin"); got != "*" && c.status != 404 {
			t.Errorf("%s: access-control-allow-origin %q, want *", name, got)
		}
	}
}

func singlePrivate(t *testing.T, h *house) {
	v2, _ := h.join(t, "open")
	for _, query := range []string{"", "?private=false", "?private=1", "?private=true&private=false", "?private[]=true", "?private"} {
		h.send1(t, "/api/broadcast/open/events/e"+query, "application/json", `{"private":true}`)
		v2.wantUser(t, "realtime:open", "e", `{"private":true}`, 1)
	}
}

func singleMedia(t *testing.T, h *house) {
	for _, kind := range []string{"text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "application/vnd.api+json", "json", ";", "", "application/json;;"} {
		r, body := h.do(t, "POST", "/api/broadcast/t/events/e", "{}", "Content-Type", kind, "Authorization", "Bearer "+token(t))
		if r.StatusCode != http.StatusUnsupportedMediaType || r.Header.Get("Content-Type") != typeJSON {
			t.Errorf("%q: %d %s, want 415", kind, r.StatusCode, body)
		}
	}
}

func singlePreflight(t *testing.T, h *house) {
	r, body := h.do(t, "OPTIONS", "/api/broadcast/t/events/e", "", "Origin", "https://page.example", "Access-Control-Request-Method", "POST")
	if r.StatusCode != 204 || body != "" || r.Header.Get("Access-Control-Allow-Origin") != "*" || !strings.Contains(r.Header.Get("Access-Control-Allow-Methods"), "POST") {
		t.Errorf("%d %q %v", r.StatusCode, body, r.Header)
	}
}
