package bench

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// sample is a report of two servers with everything a page shows.
func sample() *Report {
	r := &Report{Title: "realtime bench fanout", Commit: "abc"}
	for i, name := range []string{"realtime", "floor"} {
		l := new(latency)
		l.start(0)
		for n := range int64(2000) {
			l.add(n*int64(time.Millisecond), n*int64(time.Millisecond)-(n%97+1)*int64(i+1)*int64(100*time.Microsecond))
		}
		res := newResult(Options{Scenario: "fanout", Subscribers: 10, Duration: time.Second}, &Target{Name: name})
		res.Latency = summary([]*latency{l}, true)
		res.figure("deliveries_per_second", 1e6*float64(i+1), "/s", "messages received <&>")
		res.Stopped = "the time was over"
		for _, line := range []string{"delivered", "server CPU", "generator CPU", "server memory", "connections"} {
			res.Timeline.Series = append(res.Timeline.Series, Series{Name: line, Values: []float64{1, 5, 3, 1234567}})
		}
		res.Timeline.Step = tick
		r.Results = append(r.Results, res)
	}
	return r
}

func TestThePageNeedsNothingElse(t *testing.T) {
	var b bytes.Buffer
	if err := sample().WriteHTML(&b); err != nil {
		t.Fatal(err)
	}
	if outside := regexp.MustCompile(`(?i)(src|href)=|url\(|@import|<script`).FindString(b.String()); outside != "" {
		t.Errorf("the page asks for something else: %s", outside)
	}
	pictures := regexp.MustCompile(`(?s)<svg.*?</svg>`).FindAllString(b.String(), -1)
	if len(pictures) != 1+2*6 {
		t.Errorf("got %d pictures, want the comparison and six for each server", len(pictures))
	}
	for _, p := range pictures {
		if strings.Contains(p, "NaN") || strings.Contains(p, "Inf") {
			t.Errorf("a picture has a number that is none: %.200s", p)
		}
		d := xml.NewDecoder(strings.NewReader(p))
		for {
			if _, err := d.Token(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatalf("a picture is no XML: %v", err)
			}
		}
	}
}

// TestABrowserShowsThePage opens it where there is a Chromium.
func TestABrowserShowsThePage(t *testing.T) {
	browser, err := exec.LookPath("chromium")
	if err != nil || testing.Short() {
		t.Skip("no chromium here, or in a hurry")
	}
	dir, err := os.MkdirTemp("", "realtime-bench-page-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "page.html")
	var b bytes.Buffer
	if err := sample().WriteHTML(&b); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--user-data-dir="+filepath.Join(dir, "profile"),
		"--dump-dom", "file://"+file).Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"<title>realtime bench fanout</title>", "Latency over time", "realtime by floor", "messages received &lt;&amp;&gt;"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("the browser's page lacks %q", want)
		}
	}
}
