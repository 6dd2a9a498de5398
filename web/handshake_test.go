package web

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"realtime/actors"
	"realtime/tests/frames"
)

const host = "abc.example.com:4000"

// target is the socket's address with a query.
func target(query string) string { return "/socket/websocket?" + query }

// TestHandshake goes through the rows of the handshake in upstream's list of cases, by number.
func TestHandshake(t *testing.T) {
	h := open(t, nil)
	t.Run("row 01 no frame follows", func(t *testing.T) { row01NoFrameFollows(t, h) })
	t.Run("row 02 version one is the default", func(t *testing.T) { row02VersionOneIsTheDefault(t, h) })
	t.Run("row 22 odd claims", func(t *testing.T) { row22OddClaims(t, h) })
	good := token(t)
	now := time.Now().Unix()
	key := func(token string) string { return target("vsn=2.0.0&apikey=" + url.QueryEscape(token)) }
	rs256 := map[string]any{"alg": "RS256", "typ": "JWT"}
	for name, c := range map[string]struct {
		target, host string
		lines        []string
		status       int
		text         string // of {"error": text}, "" is not looked at
	}{
		"row 03 vsn 1.0.7":                  {target: target("vsn=1.0.7&apikey=" + good), status: 101},
		"row 03 vsn 2.0.9":                  {target: target("vsn=2.0.9&apikey=" + good), status: 101},
		"row 05 unknown tenant":             {target: key(good), host: "nobody.example.com", status: 404, text: "Tenant not found"},
		"row 06 host in upper case":         {target: key(good), host: "ABC.example.com:4000", status: 101},
		"row 07 address as host":            {target: key(good), host: "127.0.0.1:4000", status: 101},
		"row 08 no token":                   {target: target(""), status: 401, text: "API key is missing"},
		"row 09 list of tokens":             {target: target("apikey[]=x"), status: 401, text: "API key is missing"},
		"row 10 header wins":                {target: key("bad"), lines: []string{"x-api-key: " + good}, status: 101},
		"row 11 bad header wins":            {target: key(good), lines: []string{"x-api-key: bad"}, status: 401, text: "The token provided is not a valid JWT"},
		"row 12 no jwt":                     {target: key("abc"), status: 401, text: "The token provided is not a valid JWT"},
		"row 13 expired":                    {target: key(token(t, "exp", now-100)), status: 401, text: "Token has expired"},
		"row 13 expires now":                {target: key(token(t, "exp", now)), status: 401, text: "Token has expired"},
		"row 14 no role":                    {target: key(token(t, "role", nil)), status: 401, text: "Fields `role` and `exp` are required in JWT"},
		"row 14 no exp":                     {target: key(token(t, "exp", nil)), status: 401, text: "Fields `role` and `exp` are required in JWT"},
		"row 15 role null":                  {target: key(forge(t, map[string]any{"alg": "HS256"}, map[string]any{"role": nil, "exp": now + 100}, secret)), status: 101},
		"row 16 other secret":               {target: key(forge(t, map[string]any{"alg": "HS256"}, claims(), "other")), status: 401, text: "Failed to validate JWT signature"},
		"row 17 alg none":                   {target: key(forge(t, map[string]any{"alg": "none"}, claims(), secret)), status: 401, text: "Failed to generate JWT signer, check your JWT secret or JWKS configuration"},
		"row 17 no alg":                     {target: key(forge(t, map[string]any{"typ": "JWT"}, claims(), secret)), status: 401, text: "Failed to generate JWT signer, check your JWT secret or JWKS configuration"},
		"row 17 RS256 without kid":          {target: key(forge(t, rs256, claims(), secret)), status: 401, text: "Failed to generate JWT signer, check your JWT secret or JWKS configuration"},
		"row 18 RS256 with unknown kid":     {target: key(forge(t, map[string]any{"alg": "RS256", "kid": "19de8c2c"}, claims(), secret)), status: 401, text: `Failed to generate JWT signer for key ID (kid) "19de8c2c", check your JWT secret or JWKS configuration`},
		"row 19 HS256 with unknown kid":     {target: key(forge(t, map[string]any{"alg": "HS256", "kid": "other"}, claims(), secret)), status: 101},
		"row 20 HS256 with an oct key":      {target: key(forge(t, map[string]any{"alg": "HS256", "kid": "oct-1"}, claims(), octKey)), status: 101},
		"row 21 fraction of a second ahead": {target: key(token(t, "exp", float64(now)+100.5)), status: 101},
		"row 23 not yet":                    {target: key(token(t, "nbf", now+1000)), status: 101},
		"row 24 white space in the token":   {target: key(good[:20] + " \n" + good[20:]), status: 101},
		"row 25 suspended":                  {target: key(good), host: "closed.example.com", status: 403, text: "Realtime was disabled for this tenant"},
		"row 28 plain GET":                  {target: key(good), lines: []string{"Connection:", "Upgrade:"}, status: 400, text: "'connection' header must contain 'upgrade', got []"},
		"row 29 no key":                     {target: key(good), lines: []string{"Sec-WebSocket-Key:"}, status: 400, text: "'sec-websocket-key' header is absent"},
		"row 29 version 8":                  {target: key(good), lines: []string{"Sec-WebSocket-Version: 8"}, status: 400, text: `'sec-websocket-version' header must equal '13', got ["8"]`},
		"row 30 bad token in a plain GET":   {target: key("bad"), lines: []string{"Connection:", "Upgrade:"}, status: 401, text: "The token provided is not a valid JWT"},
		"row 32 short address":              {target: "/socket?apikey=" + good, status: 101},
		"row 32 short address, plain GET":   {target: "/socket?apikey=" + good, lines: []string{"Connection:", "Upgrade:"}, status: 404, text: "Not Found"},
		"row 33 offers":                     {target: key(good), lines: []string{"Sec-WebSocket-Protocol: foo", "Sec-WebSocket-Extensions: permessage-deflate", "Origin: https://elsewhere.example"}, status: 101},
		"row 35 long poll":                  {target: "/socket/longpoll?apikey=x", lines: []string{"Connection:", "Upgrade:"}, status: 404, text: "Long polling is not offered; connect a WebSocket to /socket/websocket"},
		"public prefix":                     {target: "/realtime/v1/websocket?vsn=2.0.0&apikey=" + good, status: 101},
		"public prefix, whole address":      {target: "/realtime/v1/socket/websocket?vsn=2.0.0&apikey=" + good, status: 101},
		"public prefix alone":               {target: "/realtime/v1?apikey=" + good, status: 101},
		"header list of two lines":          {target: key(good), lines: []string{"Connection: keep-alive, UPGRADE", "Upgrade: h2c, WebSocket"}, status: 101},
	} {
		t.Run(name, func(t *testing.T) {
			if c.host == "" {
				c.host = host
			}
			socket, r, body := h.upgrade(t, c.target, c.host, c.lines...)
			if r.StatusCode != c.status {
				t.Fatalf("status %d %s, want %d", r.StatusCode, body, c.status)
			}
			switch c.status {
			case 101:
				for _, name := range []string{"Sec-Websocket-Protocol", "Sec-Websocket-Extensions"} {
					if v := r.Header.Get(name); v != "" {
						t.Errorf("%s: %q, want none", name, v)
					}
				}
				if got := r.Header.Get("Sec-Websocket-Accept"); got != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" {
					t.Errorf("Sec-WebSocket-Accept: %q", got)
				}
				socket.quiet(t, 20*time.Millisecond)
			case 400:
				if body != c.text || r.Header.Get("Content-Type") != "text/plain; charset=utf-8" {
					t.Errorf("%s %q, want %q", r.Header.Get("Content-Type"), body, c.text)
				}
			default:
				if want := string(errorBody("error", c.text)); body != want && body != c.text {
					t.Errorf("body %s, want %s", body, want)
				}
			}
		})
	}
}

func row01NoFrameFollows(t *testing.T, h *house) {
	c := h.socket(t)
	c.quiet(t, 100*time.Millisecond)
	c.alive(t)
}

func row02VersionOneIsTheDefault(t *testing.T, h *house) {
	c, r, _ := h.upgrade(t, target("apikey="+token(t)), host)
	if r.StatusCode != 101 {
		t.Fatalf("status %d", r.StatusCode)
	}
	c.frame(t, frames.Text, `{"topic":"phoenix","event":"heartbeat","payload":{},"ref":"1"}`)
	c.want(t, `{"topic":"phoenix","event":"phx_reply","payload":{"status":"ok","response":{}},"ref":"1"}`)
}

func TestHandshakeRows04And31AnswerAtOnceWithoutBody(t *testing.T) {
	const pause = 40 * time.Second
	h := open(t, func(o *Options, _ *actors.Options) { o.ConnectPause = pause })
	begun := time.Now()
	for _, vsn := range []string{"vsn=2", "vsn=2.1.0", "vsn=3.0.0", "vsn=abc", "vsn[]=2.0.0", "vsn="} {
		_, r, body := h.upgrade(t, target(vsn+"&apikey="+token(t)), host)
		if r.StatusCode != 403 || body != "" || r.Header.Get("Content-Type") != "" {
			t.Errorf("row 4, %s: %d %q %s, want 403 without a body", vsn, r.StatusCode, body, r.Header.Get("Content-Type"))
		}
	}
	for _, method := range []string{"POST", "PUT", "HEAD", "OPTIONS"} {
		c := h.dial(t)
		c.send(t, frames.Head(method, target("apikey="+token(t)), host))
		r, err := http.ReadResponse(c.Buffered, &http.Request{Method: method})
		if err != nil {
			t.Fatal(err)
		}
		if r.StatusCode != 400 || r.ContentLength > 0 {
			t.Errorf("row 31, %s: %d, %d bytes, want 400 without a body", method, r.StatusCode, r.ContentLength)
		}
	}
	if _, r, _ := h.upgrade(t, target("apikey="+token(t)), host, "Upgrade:"); r.StatusCode != 400 {
		t.Errorf("row 28: %d, want 400", r.StatusCode)
	}
	if took := time.Since(begun); took >= pause {
		t.Errorf("took %v, the pause of %v was kept", took, pause)
	}
}

// row22OddClaims: upstream answers 500; ours is the 401 that fits (quirk Q21).
func row22OddClaims(t *testing.T, h *house) {
	hs := map[string]any{"alg": "HS256"}
	now := time.Now().Unix()
	const expired, malformed = "Token has expired", "The token provided is not a valid JWT"
	for name, c := range map[string]struct{ token, text string }{
		"fractional exp in the past": {forge(t, hs, claims("exp", float64(now)-0.5), secret), expired},
		"exp as a string":            {forge(t, hs, claims("exp", "soon"), secret), malformed},
		"iat as a string":            {forge(t, hs, claims("iat", "then"), secret), malformed},
		"claims as a list":           {forge(t, hs, []any{}, secret), malformed},
		"header as a list":           {forge(t, []any{}, claims(), secret), malformed},
	} {
		_, r, body := h.upgrade(t, target("apikey="+c.token), host)
		if want := string(errorBody("error", c.text)); r.StatusCode != 401 || body != want {
			t.Errorf("%s: %d %s, want 401 %s", name, r.StatusCode, body, want)
		}
	}
}

func TestHandshakeRow26ConnectedUsers(t *testing.T) {
	h := open(t, nil)
	h.change(t, "abc", `"max_concurrent_users":1`)
	first := h.socket(t)
	h.socket(t) // connected, but no user yet
	first.frame(t, frames.Text, `["1","1","realtime:a","phx_join",{"config":{}}]`)
	first.want(t, `["1","1","realtime:a","phx_reply",{"status":"ok","response":{"postgres_changes":[]}}]`)
	_, r, body := h.upgrade(t, target("apikey="+token(t)), host)
	if r.StatusCode != 429 || body != `{"error":"Too many connected users"}` || r.Header.Get("X-Limit-Hit") != "max_concurrent_users is 1, counted 2" {
		t.Errorf("%d %s %v", r.StatusCode, body, r.Header)
	}
	if !strings.Contains(h.logs.String(), "ConnectionRateLimitReached") {
		t.Error("the refusal is not logged")
	}
}

func TestHandshakeRow27JoinsPerSecond(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for the meters' next tick")
	}
	t.Parallel()
	h := open(t, nil)
	h.change(t, "abc", `"max_joins_per_second":1`)
	c := h.socket(t)
	for i := range 50 { // 50 in the first five seconds are 5 per second
		topic := "realtime:" + strings.Repeat("x", i+1)
		c.frame(t, frames.Text, `["1","1","`+topic+`","phx_join",{"config":{}}]`)
	}
	for deadline := time.Now().Add(patient); ; {
		_, r, body := h.upgrade(t, target("apikey="+token(t)), host)
		if r.StatusCode == 429 && body == `{"error":"Too many joins per second"}` {
			if !strings.Contains(h.logs.String(), `"code":"JoinsRateLimitReached"`) {
				t.Error("the refusal is not logged")
			}
			return
		}
		if r.StatusCode != 101 || time.Now().After(deadline) {
			t.Fatalf("%d %s, want 429 for too many joins", r.StatusCode, body)
		}
		<-time.After(100 * time.Millisecond)
	}
}

func TestHandshakeRow34RefusalsArePaused(t *testing.T) {
	const pause = 300 * time.Millisecond
	h := open(t, func(o *Options, _ *actors.Options) { o.ConnectPause = pause })
	for name, c := range map[string]struct{ query, host string }{
		"row 5":  {"apikey=" + token(t), "nobody.example.com"},
		"row 8":  {"", host},
		"row 12": {"apikey=bad", host},
		"row 25": {"apikey=" + token(t), "closed.example.com"},
	} {
		begun := time.Now()
		_, r, _ := h.upgrade(t, target(c.query), c.host)
		if took := time.Since(begun); r.StatusCode == 101 || took < pause {
			t.Errorf("%s: %d after %v, want a refusal after %v", name, r.StatusCode, took, pause)
		}
	}
	begun := time.Now()
	h.socket(t)
	if took := time.Since(begun); took > pause {
		t.Logf("a good handshake took %v while nobody else was refused", took) // a loaded machine; not a rule
	}
}
