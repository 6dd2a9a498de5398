package program

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"realtime/tests/leaks"
)

var (
	secretly = regexp.MustCompile(`SECRET|PASS|KEY|AUTH|BLOCKLIST|TOKEN`)
	public   = []string{"postgres"} // a default that is a word of its own
)

// NoLeaks fails the test if a log shows a token, a marked payload, a secret of the environment NAME=value, or one that the
// server keeps in its data directory.
func NoLeaks(t testing.TB, log string, env []string, dataDir string) {
	t.Helper()
	secrets := kept(dataDir)
	for _, pair := range env {
		if name, value, _ := strings.Cut(pair, "="); secretly.MatchString(name) && !slices.Contains(public, value) {
			secrets = append(secrets, value)
		}
	}
	for _, f := range leaks.In(log, secrets...) {
		t.Error(f)
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
