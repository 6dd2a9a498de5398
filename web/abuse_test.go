package web

import (
	"bufio"
	"io"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"realtime/actors"
)

// TestPathAndHostTricks: whatever stands in a request line or a Host header, the answer is one of a few, and no tenant is reached by
// accident.
func TestPathAndHostTricks(t *testing.T) {
	h := open(t, nil)
	for head, want := range map[string]int{
		"GET /api/tenants/../../healthcheck HTTP/1.1\r\nHost: abc":                          404,
		"GET /api/tenants/%2e%2e/health HTTP/1.1\r\nHost: abc":                              403,
		"GET /api/%74enants HTTP/1.1\r\nHost: abc":                                          403,
		"GET //api//tenants HTTP/1.1\r\nHost: abc":                                          403,
		"GET /API/tenants HTTP/1.1\r\nHost: abc":                                            404,
		"GET /api/tenants;x=1 HTTP/1.1\r\nHost: abc":                                        404,
		"GET /healthcheck%00 HTTP/1.1\r\nHost: abc":                                         404,
		"GET /healthcheck?%zz=%zz&;; HTTP/1.1\r\nHost: abc":                                 200,
		"GET http://elsewhere/healthcheck HTTP/1.1\r\nHost: abc":                            200,
		"GET http://nobody.example/api/ping HTTP/1.1\r\nHost: abc.example":                  401,
		"GET /api/ping HTTP/1.1\r\nHost: ABC.example.:80":                                   200,
		"GET /api/ping HTTP/1.1\r\nHost: [::1]:4000":                                        401,
		"GET /api/ping HTTP/1.1\r\nHost: abc%2eexample":                                     401,
		"GET /api/ping HTTP/1.1\r\nHost: ":                                                  401,
		"GET /api/ping HTTP/1.1\r\nHost: abc\r\nHost: other":                                400,
		"GET /api/ping HTTP/1.1\r\nHost: abc\r\nX-Tenant-Id: 127":                           200,
		"GET /api/ping HTTP/1.1\r\nHost: nobody\r\nX-Tenant-Id: abc":                        401,
		"GET /api/ping HTTP/1.1\r\nHost: nobody\r\nX-Forwarded-Host: abc":                   401,
		"GET /healthcheck HTTP/9.9\r\nHost: abc":                                            505,
		"GET /healthcheck\r\nHost: abc":                                                     400,
		"OPTIONS * HTTP/1.1\r\nHost: abc":                                                   404,
		"CONNECT abc:443 HTTP/1.1\r\nHost: abc":                                             404,
		"TRACE /healthcheck HTTP/1.1\r\nHost: abc":                                          404,
		"POST /healthcheck HTTP/1.1\r\nHost: abc\r\nContent-Length: -1":                     400,
		"POST /api/broadcast HTTP/1.1\r\nHost: abc\r\nContent-Length: 1, 2":                 400,
		"POST /api/broadcast HTTP/1.1\r\nHost: abc\r\nTransfer-Encoding: gzip":              501,
		"GET /healthcheck HTTP/1.1\r\nHost: abc\r\nBad Name: x":                             400,
		"GET /healthcheck HTTP/1.1\r\nHost: abc\r\n: x":                                     400,
		"GET /healthcheck HTTP/1.1\r\nHost: abc\r\nAccept: " + strings.Repeat("*/*,", 1000): 200,
		"GET /healthcheck HTTP/1.1\r\nHost: abc\r\nAccept: " + strings.Repeat("x", 4097):    431,
		"GET /" + strings.Repeat("x", maxLine) + " HTTP/1.1\r\nHost: abc":                   414,
	} {
		c := h.dial(t)
		c.send(t, head+"\r\nConnection: close\r\n\r\n")
		r, err := http.ReadResponse(c.Buffered, nil)
		if err != nil {
			t.Errorf("%.80q: %v, want %d", head, err, want)
			continue
		}
		body, _ := io.ReadAll(r.Body)
		if r.StatusCode != want {
			t.Errorf("%.80q: %d %.100s, want %d", head, r.StatusCode, body, want)
		}
		_ = c.Close()
	}
}

// TestSlowClientsAreCut: heads and bodies that trickle end with the deadline and leave nothing behind.
func TestSlowClientsAreCut(t *testing.T) {
	const limit = 300 * time.Millisecond
	h := open(t, func(o *Options, _ *actors.Options) { o.HeadTimeout, o.BodyTimeout = limit, 2*limit })
	for _, start := range []string{
		"GET /healthcheck HTTP/1.1\r\nHost: abc\r\n",
		"GET " + target("apikey=x") + " HTTP/1.1\r\nHost: abc\r\n",
		"POST /api/broadcast HTTP/1.1\r\nHost: abc\r\nContent-Type: application/json\r\nAuthorization: Bearer " + token(t) + "\r\nContent-Length: 1000\r\n\r\n",
	} {
		c := h.dial(t)
		c.send(t, start)
		begun := time.Now()
		trickled := make(chan struct{})
		go func() { // ends when the server hangs up
			defer close(trickled)
			for {
				if _, err := io.WriteString(c, "x"); err != nil {
					return
				}
				pauseTest(limit / 10)
			}
		}()
		r, err := http.ReadResponse(c.Buffered, nil)
		if strings.HasPrefix(start, "POST") && (err != nil || r.StatusCode != http.StatusRequestTimeout) {
			t.Errorf("slow body: %v, want 408", err)
		}
		_ = c.Close()
		<-trickled
		if took := time.Since(begun); took > 100*limit {
			t.Errorf("%.30q: cut after %s", start, took)
		}
	}
}

func pauseTest(d time.Duration) { time.Sleep(d) } //nolint:forbidigo // a client that dawdles

// TestLargeBodiesCostNothing: many strangers with ten megabytes each, and a few who may send.
func TestLargeBodiesCostNothing(t *testing.T) {
	h := open(t, nil)
	large := strings.Repeat("x", 10<<20)
	post := func(headers ...string) int {
		r, _ := h.do(t, "POST", "/api/broadcast", large, append(headers, "Content-Type", "application/json", "Expect", "100-continue")...)
		return r.StatusCode
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() { // ends with its request
			if got := post(); got != http.StatusUnauthorized {
				t.Errorf("a stranger's: %d, want 401", got)
			}
		})
	}
	all.Wait()
	if got := post("Authorization", "Bearer "+token(t)); got != http.StatusRequestEntityTooLarge {
		t.Errorf("a member's: %d, want 413", got)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 16<<20 {
		t.Errorf("the heap grew by %d bytes", grown)
	}
}

// FuzzRequest sends any head and body to the routes: there is an answer of a known kind, or the connection ends.
func FuzzRequest(f *testing.F) {
	h := open(f, nil)
	key := "Authorization: Bearer " + operator(f)
	user := "Authorization: Bearer " + token(f)
	for _, seed := range [][2]string{
		{"POST /api/broadcast HTTP/1.1\r\nHost: abc\r\nContent-Type: application/json\r\n" + user, batchOf("t")},
		{"POST /api/broadcast/t/events/e?private=true&persist[ttl]=1 HTTP/1.1\r\nHost: abc\r\nContent-Type: application/octet-stream\r\n" + user, "\x00"},
		{"PUT /api/tenants/x HTTP/1.1\r\nHost: abc\r\nContent-Type: application/json\r\n" + key, `{"tenant":{"jwt_secret":"s","extensions":[],"jwt_jwks":{"keys":[]}}}`},
		{"GET /metrics/x HTTP/1.1\r\nHost: abc\r\nBaggage: request-id=%41,,;=\r\nAccept: text/*;q=x", ""},
		{"GET /swaggerui/..%2f HTTP/1.1\r\nHost: abc\r\nAccept-Encoding: gzip;q=0,br", ""},
		{"OPTIONS /api/broadcast HTTP/1.1\r\nHost: abc\r\nOrigin: x\r\nAccess-Control-Request-Headers: \t", ""},
	} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, head, body string) {
		if strings.Contains(strings.ToLower(head), "upgrade") || len(head)+len(body) > 64<<10 {
			return
		}
		c := h.dial(t)
		defer c.Close()
		_ = c.SetDeadline(time.Now().Add(patient))
		_, _ = io.WriteString(c, head+"\r\nConnection: close\r\nContent-Length: "+strconv.Itoa(len(body))+"\r\n\r\n"+body)
		_ = c.Conn.(interface{ CloseWrite() error }).CloseWrite()
		r, err := http.ReadResponse(bufio.NewReader(c), &http.Request{Method: strings.SplitN(head, " ", 2)[0]})
		if err != nil {
			return
		}
		defer r.Body.Close()
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			return
		}
		if r.StatusCode < 200 || r.StatusCode == http.StatusInternalServerError {
			t.Errorf("%q %q: %d", head, body, r.StatusCode)
		}
	})
}
