package web

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"realtime/postgres"
	"realtime/protocol/codes"
	"realtime/tests/leaks"
)

// pushed is one request of a pusher, as its receiver saw it.
type pushed struct {
	header http.Header
	query  string
	body   string
}

// receiver takes pushes and answers with status.
func receiver(t *testing.T, status int) (string, <-chan pushed) {
	t.Helper()
	got := make(chan pushed, 16)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		raw, _ := io.ReadAll(r.Body)
		if r.Header.Get("Content-Encoding") == "gzip" {
			z, err := gzip.NewReader(bytes.NewReader(raw))
			if err != nil {
				t.Errorf("the body is not gzip: %v", err)
				return
			}
			raw, _ = io.ReadAll(z)
		}
		select {
		case got <- pushed{r.Header, r.URL.RawQuery, string(raw)}:
		default:
		}
		w.WriteHeader(status)
	}))
	t.Cleanup(s.Close)
	return s.URL, got
}

// pushing runs a pusher of two parts until the test ends.
func pushing(t *testing.T, o PushOptions) {
	t.Helper()
	o.Log = slog.New(slog.DiscardHandler)
	o.Interval, o.Timeout = 10*time.Millisecond, 2*time.Second
	for _, name := range []string{"a_total", "b_total"} {
		r := prometheus.NewRegistry()
		c := prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: "Test."})
		c.Add(7)
		r.MustRegister(c)
		o.Parts = append(o.Parts, r)
	}
	ctx, cancel := context.WithCancel(t.Context())
	over := make(chan struct{})
	go func() { // ends with the test
		defer close(over)
		Push(ctx, o)
	}()
	t.Cleanup(func() { cancel(); <-over })
}

func next(t *testing.T, got <-chan pushed) pushed {
	t.Helper()
	select {
	case p := <-got:
		return p
	case <-time.After(patient):
		t.Fatal("nothing was pushed")
		return pushed{}
	}
}

func TestPushSendsEachPartCompressed(t *testing.T) {
	url, got := receiver(t, http.StatusNoContent)
	pushing(t, PushOptions{
		URL: url + "/api/v1/import/prometheus?x=1", User: "realtime", Auth: postgres.Secret("pw"), ExtraLabels: []string{"env=prod", "dc=a b"},
	})
	for _, want := range []string{"a_total 7\n", "b_total 7\n"} {
		p := next(t, got)
		user, password, _ := (&http.Request{Header: p.header}).BasicAuth()
		if !strings.Contains(p.body, want) || user != "realtime" || password != "pw" || p.header.Get("Content-Type") != "text/plain" {
			t.Errorf("got %+v as %s:%s, want %q", p, user, password, want)
		}
		if p.query != "extra_label=env%3Dprod&extra_label=dc%3Da+b&x=1" {
			t.Errorf("got query %s", p.query)
		}
	}
}

func TestPushPlainWithoutAuth(t *testing.T) {
	url, got := receiver(t, http.StatusOK)
	pushing(t, PushOptions{URL: url, Plain: true, User: "realtime"})
	if p := next(t, got); p.header.Get("Content-Encoding") != "" || p.header.Get("Authorization") != "" || !strings.Contains(p.body, "a_total 7\n") {
		t.Errorf("got %+v", p)
	}
}

// TestPushGoesOnAfterARefusal: what the receiver refuses is logged by its code, and the next round comes.
func TestPushGoesOnAfterARefusal(t *testing.T) {
	url, got := receiver(t, http.StatusInternalServerError)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var log bytes.Buffer
	over := make(chan struct{})
	go func() { // ends with cancel
		defer close(over)
		Push(ctx, PushOptions{
			URL: url, Auth: postgres.Secret("hidden"), Interval: time.Millisecond, Timeout: time.Second,
			Log: slog.New(slog.NewTextHandler(leaks.Watch(t, &log), nil)), Parts: []prometheus.Gatherer{prometheus.NewRegistry()},
		})
	}()
	next(t, got)
	next(t, got)
	next(t, got)
	cancel()
	<-over
	if !strings.Contains(log.String(), "MetricsPusherFailed") || !strings.Contains(log.String(), "500") || strings.Contains(log.String(), "hidden") {
		t.Errorf("got log %s", log.String())
	}
}

// TestPushGivesUpAtItsTimeout: a receiver that never answers is named as such.
func TestPushGivesUpAtItsTimeout(t *testing.T) {
	silent := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	}))
	defer silent.Close()
	o := PushOptions{URL: silent.URL}
	err := o.push(t.Context(), &http.Client{Timeout: 50 * time.Millisecond}, prometheus.NewRegistry())
	if f := pushFault(err); f.Code != codes.MetricsPusherTimeout {
		t.Errorf("got %v, %v", f.Code, err)
	}
}
