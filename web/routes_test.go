package web

import (
	"net/http"
	"net/url"
	"testing"

	"realtime/protocol"
)

func TestPathsUnderThePublicPrefix(t *testing.T) {
	for in, want := range map[string]string{
		"/socket/websocket":              "/socket/websocket",
		"/socket/websocket/":             "/socket/websocket",
		"//socket///websocket":           "/socket/websocket",
		"/realtime/v1":                   "/socket",
		"/realtime/v1/":                  "/socket",
		"/realtime/v1/websocket":         "/socket/websocket",
		"/realtime/v1/longpoll":          "/socket/longpoll",
		"/realtime/v1/socket":            "/socket",
		"/realtime/v1/socket/websocket":  "/socket/websocket",
		"/realtime/v1/api/broadcast":     "/api/broadcast",
		"/realtime/v1/api":               "/api",
		"/realtime/v1/metrics":           "/realtime/v1/metrics",
		"/realtime/v1x/websocket":        "/realtime/v1x/websocket",
		"/realtime/v1/realtime/v1/api/p": "/realtime/v1/realtime/v1/api/p",
		"/":                              "/",
		"":                               "",
	} {
		if got := local(in); got != want {
			t.Errorf("local(%q) = %q, want %q", in, got, want)
		}
	}
}

func FuzzLocal(f *testing.F) {
	for _, s := range []string{"/realtime/v1/websocket", "//", "/realtime/v1//api/", "/realtime/v1/socket/../metrics", "*"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		once := local(in)
		if len(once) > len(in)+len(pathSocket) {
			t.Fatalf("local(%q) = %q grew", in, once)
		}
		if in != "" && in[0] == '/' && (once == "" || once[0] != '/') {
			t.Fatalf("local(%q) = %q has lost its slash", in, once)
		}
	})
}

func TestSocketAddressWithoutWebsocketTakesUpgradesOnly(t *testing.T) {
	for _, path := range []string{"/socket", "/realtime/v1", "/realtime/v1/socket"} {
		r := &http.Request{URL: &url.URL{Path: path}, Header: http.Header{}}
		if isSocket(r) {
			t.Errorf("%s without an upgrade is a socket request", path)
		}
		if r.Header.Set("Upgrade", "WebSocket"); !isSocket(r) {
			t.Errorf("%s with an upgrade is no socket request", path)
		}
	}
}

func TestQueryOfAHandshake(t *testing.T) {
	for query, want := range map[string]protocol.Version{
		"": protocol.V1, "vsn=1.0.0": protocol.V1, "vsn=1.0.7": protocol.V1, "vsn=2.0.9": protocol.V2, "vsn=1.0.0&vsn=2.0.0": protocol.V2,
		"vsn=": 0, "vsn=2": 0, "vsn=2.1.0": 0, "vsn=3.0.0": 0, "vsn=abc": 0, "vsn[]=2.0.0": 0, "vsn%5B%5D=2.0.0": 0, "vsn[a]=2.0.0": 0,
	} {
		q, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		if got, ok := versionOf(q); ok != (want != 0) || ok && got != want {
			t.Errorf("version of %q: %d, %v, want %d", query, got, ok, want)
		}
	}
	for level, want := range map[string]string{"info": "INFO", "warning": "WARN", "warn": "WARN", "error": "ERROR", "": "ERROR", "debug": "ERROR"} {
		if got := levelOf(url.Values{"log_level": {level}}).String(); got != want {
			t.Errorf("log_level %q: %s, want %s", level, got, want)
		}
	}
}

func TestConnectTokenPrefersTheHeader(t *testing.T) {
	q := url.Values{"apikey": {"query"}}
	for name, c := range map[string]struct {
		h     http.Header
		q     url.Values
		want  string
		given bool
	}{
		"query":        {nil, q, "query", true},
		"header":       {http.Header{"X-Api-Key": {"header", "second"}}, q, "header", true},
		"empty header": {http.Header{"X-Api-Key": {""}}, q, "", true},
		"none":         {nil, nil, "", false},
		"list":         {nil, url.Values{"apikey[]": {"x"}}, "", false},
	} {
		if got, given := connectToken(c.h, c.q); got != c.want || given != c.given {
			t.Errorf("%s: %q, %v, want %q, %v", name, got, given, c.want, c.given)
		}
	}
}

func TestForwardedHeaders(t *testing.T) {
	got := forwarded(http.Header{"X-Real-Ip": {"1", "2"}, "Host": {"h"}, "X-Tenant-Id": {"t"}})
	if len(got) != 2 || got["x-real-ip"] != "1" || got["x-tenant-id"] != "t" {
		t.Errorf("got %v", got)
	}
	if got := forwarded(http.Header{"Host": {"h"}}); got != nil {
		t.Errorf("without x- headers: %v, want nil", got)
	}
}

func TestUpgradeProblems(t *testing.T) {
	good := func() http.Header {
		return http.Header{
			"Connection": {"keep-alive, Upgrade"}, "Upgrade": {"WebSocket"},
			"Sec-Websocket-Key": {"dGhlIHNhbXBsZSBub25jZQ=="}, "Sec-Websocket-Version": {"13"},
		}
	}
	for name, c := range map[string]struct {
		change func(http.Header)
		want   string
	}{
		"good":           {func(http.Header) {}, ""},
		"two lines":      {func(h http.Header) { h["Connection"] = []string{"keep-alive", "upgrade"} }, ""},
		"no connection":  {func(h http.Header) { h.Del("Connection") }, "'connection' header must contain 'upgrade', got []"},
		"keep-alive":     {func(h http.Header) { h.Set("Connection", "keep-alive") }, `'connection' header must contain 'upgrade', got ["keep-alive"]`},
		"no upgrade":     {func(h http.Header) { h.Del("Upgrade") }, "'upgrade' header must contain 'websocket', got []"},
		"h2c":            {func(h http.Header) { h.Set("Upgrade", "h2c") }, `'upgrade' header must contain 'websocket', got ["h2c"]`},
		"no key":         {func(h http.Header) { h.Del("Sec-Websocket-Key") }, "'sec-websocket-key' header is absent"},
		"wrong version":  {func(h http.Header) { h.Set("Sec-Websocket-Version", "8") }, `'sec-websocket-version' header must equal '13', got ["8"]`},
		"absent version": {func(h http.Header) { h.Del("Sec-Websocket-Version") }, "'sec-websocket-version' header must equal '13', got []"},
	} {
		h := good()
		c.change(h)
		if got := upgradeProblem(&http.Request{Method: "GET", ProtoMajor: 1, ProtoMinor: 1, Header: h}); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
	if got := upgradeProblem(&http.Request{Proto: "HTTP/1.0", ProtoMajor: 1, Header: good()}); got != "HTTP version HTTP/1.0 unsupported" {
		t.Errorf("HTTP/1.0: %q", got)
	}
}
