package leaks

import (
	"encoding/base64"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

// Marker is what tests put into payloads, claims and the like, which no log may show.
const Marker = "not-for-any-log-5c2e"

// anyToken is how every JSON Web Token begins, and each part of one that is JSON.
var anyToken = regexp.MustCompile(`^eyJ[A-Za-z0-9_-]{12,13}`)

// showsToken tells a part of a token from a random identifier with the same three characters in it: what is encoded must be the
// plain text that the beginning of a JSON object is.
func showsToken(line string) bool {
	for {
		at := strings.Index(line, "eyJ")
		if at < 0 {
			return false
		}
		line = line[at:]
		found := anyToken.FindString(line)
		text, err := base64.RawURLEncoding.DecodeString(found[:len(found)/4*4])
		if found != "" && err == nil && !slices.ContainsFunc(text, func(c byte) bool { return c < ' ' || c > '~' }) {
			return true
		}
		line = line[1:]
	}
}

// In lists the lines of a text that show a secret, a token or Marker, and what they show.
func In(text string, secrets ...string) (found []string) {
	for line := range strings.Lines(text) {
		for _, s := range append([]string{Marker}, secrets...) {
			if s != "" && strings.Contains(line, s) {
				found = append(found, fmt.Sprintf("the log shows %q: %s", s, line))
			}
		}
		if showsToken(line) {
			found = append(found, "the log shows a token: "+line)
		}
	}
	return found
}

// told are the secrets of this test binary.
var told struct {
	sync.Mutex
	secrets []string
}

// least is how long a secret must be to be told from a word.
const least = 8

// Tell keeps the secrets that a test uses, of at least eight characters: no log that is written from now on may show them.
func Tell(secrets ...string) {
	told.Lock()
	defer told.Unlock()
	for _, s := range secrets {
		if len(s) >= least && !slices.Contains(told.secrets, s) {
			told.secrets = append(told.secrets, s)
		}
	}
}

// Watch passes on to w what a log writes, and fails the test at its end if that shows what it may not. Each Write is a line or
// several, as those of slog's handlers are.
func Watch(t testing.TB, w io.Writer) io.Writer {
	a := &watch{w: w}
	t.Cleanup(func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		for _, f := range a.found[:min(len(a.found), 5)] {
			t.Error(f)
		}
	})
	return a
}

type watch struct {
	w io.Writer

	mu    sync.Mutex
	found []string
}

func (a *watch) Write(p []byte) (int, error) {
	told.Lock()
	found := In(string(p), told.secrets...)
	told.Unlock()
	if len(found) > 0 {
		a.mu.Lock()
		a.found = append(a.found, found...)
		a.mu.Unlock()
	}
	return a.w.Write(p)
}
