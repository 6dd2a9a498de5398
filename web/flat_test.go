package web

import (
	"encoding/base64"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"runtime"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"realtime/actors"
	"realtime/tests/frames"
	"realtime/tests/leaks"
)

// badTokens are kinds of tokens that no door takes, as they stand in a URL or a header.
func badTokens(t testing.TB) map[string]string {
	t.Helper()
	hs := map[string]any{"alg": "HS256"}
	good := token(t)
	part := strings.Split(good, ".")
	raw := func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }
	all := map[string]string{
		"no token": "x", "dots": "..", "many dots": strings.Repeat(".", 100), "one part": part[0], "two parts": part[0] + "." + part[1],
		"four parts": good + "." + part[2], "no signature": part[0] + "." + part[1] + ".", "signature cut": good[:len(good)-2],
		"signature of another": part[0] + "." + part[1] + "." + strings.Split(token(t, "sub", "x"), ".")[2], "claims of another": part[0] + "." + raw(`{"role":"service_role"}`) + "." + part[2],
		"not base64": "a+b/.c=d." + part[2], "padded": part[0] + "==." + part[1] + "==." + part[2] + "==", "NUL": "\x00", "not UTF-8": "\xff\xfe.\xff.\xff",
		"header no JSON": raw("alg") + "." + part[1] + "." + part[2], "claims no JSON": part[0] + "." + raw("{") + "." + part[2],
		"deep header": raw(strings.Repeat(`{"a":`, 300)+"1"+strings.Repeat("}", 300)) + "." + part[1] + "." + part[2],
		"deep claims": part[0] + "." + raw(strings.Repeat("[", 1000)+strings.Repeat("]", 1000)) + "." + part[2],
		"header null": forge(t, nil, claims(), secret), "header a list": forge(t, []any{}, claims(), secret), "header a number": forge(t, 5, claims(), secret),
		"claims null": forge(t, hs, nil, secret), "claims a list": forge(t, hs, []any{}, secret), "claims a text": forge(t, hs, "x", secret), "claims empty": forge(t, hs, map[string]any{}, secret),
		"other secret": forge(t, hs, claims(), "another secret of forty characters......"), "a secret of eight": forge(t, hs, claims(), "12345678"),
		"no role": token(t, "role", nil), "no exp": token(t, "exp", nil),
		"exp a text": token(t, "exp", "soon"), "exp null and role null": token(t, "exp", nil, "role", nil), "exp negative": token(t, "exp", -1), "exp zero": token(t, "exp", 0),
		"expired": token(t, "exp", time.Now().Add(-time.Hour).Unix()), "a second ago": token(t, "exp", time.Now().Add(-time.Second).Unix()),
		"unknown kid": forge(t, map[string]any{"alg": "RS256", "kid": "nobody's"}, claims(), secret), "kid a number": forge(t, map[string]any{"alg": "RS256", "kid": 1}, claims(), secret),
		"kid of another kind": forge(t, map[string]any{"alg": "ES256", "kid": "oct-1"}, claims(), secret), "kid with a path": forge(t, map[string]any{"alg": "RS256", "kid": "../../etc/passwd"}, claims(), secret),
		"long kid":          forge(t, map[string]any{"alg": "RS256", "kid": strings.Repeat("k", 2000)}, claims(), secret),
		"key in the header": forge(t, map[string]any{"alg": "RS256", "jwk": map[string]any{"kty": "oct", "k": "AA"}, "jku": "http://127.0.0.1/"}, claims(), secret),
	}
	for _, alg := range []any{"none", "None", "", "hs256", "HS512", "RS256", "RS512", "ES256", "ES512", "EdDSA", "PS256", "HS1", nil, 256, []string{"HS256"}} {
		name, _ := alg.(string)
		all["alg "+name+strings.Repeat("'", len(all))] = forge(t, map[string]any{"alg": alg, "typ": "JWT"}, claims(), secret)
	}
	return all
}

// TestBadInputLeavesTheMemoryFlat: whatever is sent, each gets an answer that says so, and nothing stays behind.
func TestBadInputLeavesTheMemoryFlat(t *testing.T) {
	h := open(t, func(o *Options, ao *actors.Options) {
		o.Log = slog.New(slog.NewTextHandler(leaks.Watch(t, io.Discard), nil)) // what was logged must not be weighed
		ao.Log = o.Log
	})
	tokens := badTokens(t)
	if len(tokens) < 40 {
		t.Fatalf("only %d kinds of tokens", len(tokens))
	}
	h.abuse(t, tokens) // fills what is filled once: pools, caches, the names of metrics
	heap, routines := settled()
	for range 2 {
		h.abuse(t, tokens)
	}
	for deadline := time.Now().Add(patient); ; pauseTest(50 * time.Millisecond) {
		nowHeap, now := settled()
		if nowHeap < heap+4<<20 && now <= routines+5 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the heap is %d bytes, and was %d; %d goroutines, and were %d", nowHeap, heap, now, routines)
		}
	}
}

// settled is what is in use once the garbage is gone.
func settled() (heap uint64, routines int) {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc, runtime.NumGoroutine()
}

// abuse sends every bad token to every kind of door, tenants and broadcasts of wrong types, and frames that are none.
func (h *house) abuse(t *testing.T, tokens map[string]string) {
	t.Helper()
	refused := map[int]bool{400: true, 401: true, 403: true, 404: true, 413: true, 415: true, 422: true, 431: true}
	for name, bad := range tokens {
		if _, r, body := h.upgrade(t, target("apikey="+url.QueryEscape(bad)), host); r.StatusCode != http.StatusUnauthorized {
			t.Errorf("handshake, %s: %d %s, want 401", name, r.StatusCode, body)
		}
		if strings.Contains(bad, "\x00") || !utf8.ValidString(bad) {
			continue // no client can put them into a header
		}
		for _, at := range []string{"POST /api/broadcast", "GET /api/tenants"} {
			method, path, _ := strings.Cut(at, " ")
			if r, body := h.do(t, method, path, batchOf("t"), "Authorization", "Bearer "+bad, "Content-Type", "application/json"); r.StatusCode != 401 && r.StatusCode != 403 {
				t.Errorf("%s, %s: %d %s, want a refusal", at, name, r.StatusCode, body)
			}
		}
	}
	operator, user := []string{"Content-Type", "application/json", "Authorization", "Bearer " + operator(t)}, []string{"Content-Type", "application/json", "Authorization", "Bearer " + token(t)}
	for _, wrong := range []string{
		``, `{`, `[]`, `5`, `"x"`, `null`, `{"a":1}`, `{"tenant":5}`, `{"tenant":[]}`, `{"messages":5}`, `{"messages":[5]}`, `{"messages":[{"topic":5,"payload":[]}]}`,
		`{"tenant":{"external_id":5,"jwt_secret":[],"extensions":{"a":1}}}`, `{"tenant":{"name":"x","max_events_per_second":"many","extensions":[5]}}`, strings.Repeat("[", 5000), "\xff\xfe", `{"\u0000":1}`,
	} {
		for _, at := range []string{"PUT /api/tenants/unheard-of", "POST /api/tenants"} {
			method, path, _ := strings.Cut(at, " ")
			if r, body := h.do(t, method, path, wrong, operator...); !refused[r.StatusCode] {
				t.Errorf("%s %.40q: %d %.200s", at, wrong, r.StatusCode, body)
			}
		}
		if r, body := h.do(t, "POST", "/api/broadcast", wrong, user...); !refused[r.StatusCode] {
			t.Errorf("broadcast %.40q: %d %.200s", wrong, r.StatusCode, body)
		}
	}
	c := h.socket(t)
	for _, wrong := range []string{"", "{", "[]", "null", `[1,2,3,4,5]`, `["1","1","realtime:a","phx_join"]`, `["1","1","realtime:a","phx_join",5]`, strings.Repeat("[", 5000), strings.Repeat(`{"a":`, 5000)} {
		c.frame(t, frames.Text, wrong)
		c.frame(t, frames.Binary, wrong)
	}
	_ = c.Close()
}
