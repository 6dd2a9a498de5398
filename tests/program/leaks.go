package program

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Marker is what tests put into payloads, claims and the like, which no log may show.
const Marker = "not-for-any-log-5c2e"

var (
	// anyToken is how every JSON Web Token begins, and each part of one that is JSON.
	anyToken = regexp.MustCompile(`eyJ[A-Za-z0-9_-]{12,}`)
	secretly = regexp.MustCompile(`SECRET|PASS|KEY|AUTH|BLOCKLIST|TOKEN`)
	public   = []string{"postgres"} // a default that is a word of its own
)

// NoLeaks fails the test if a log shows a token, a marked payload, a secret of the environment NAME=value, or one that the
// server keeps in its data directory.
func NoLeaks(t testing.TB, log string, env []string, dataDir string) {
	t.Helper()
	secrets := append(kept(dataDir), Marker)
	for _, pair := range env {
		if name, value, _ := strings.Cut(pair, "="); secretly.MatchString(name) && !slices.Contains(public, value) {
			secrets = append(secrets, value)
		}
	}
	for line := range strings.Lines(log) {
		for _, s := range secrets {
			if s != "" && strings.Contains(line, s) {
				t.Errorf("the log shows %q: %s", s, line)
			}
		}
		if anyToken.MatchString(line) {
			t.Errorf("the log shows a token: %s", line)
		}
	}
}

// kept are the secrets that a server has made for itself.
func kept(dataDir string) []string {
	var out []string
	if text, err := os.ReadFile(filepath.Join(dataDir, "secrets.env")); err == nil {
		for line := range strings.Lines(string(text)) {
			if _, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok && !strings.HasPrefix(line, "#") {
				out = append(out, strings.Trim(value, `"'`))
			}
		}
	}
	if text, err := os.ReadFile(filepath.Join(dataDir, "postgres", "password")); err == nil {
		out = append(out, strings.TrimSpace(string(text)))
	}
	return out
}
