package leaks

import (
	"io"
	"log/slog"
	"testing"
)

// probe counts the errors of a test that is not this one.
type probe struct {
	testing.TB
	errors int
	ends   []func()
}

func (p *probe) Helper()          {}
func (p *probe) Error(...any)     { p.errors++ }
func (p *probe) Cleanup(f func()) { p.ends = append(p.ends, f) }

// TestALeakIsFound: a log over Watch fails its test, and only for what it may not show.
func TestALeakIsFound(t *testing.T) {
	Tell("a secret of this test", "short")
	for text, want := range map[string]int{
		"harmless": 0, "a short word": 0, "eyJ": 0, "it was: a secret of this test!": 1, "x" + Marker: 1, "eyJhbGciOiJIUzI1NiJ9": 1, "eyJhbGciOiJIUzI1NiJ9 " + Marker: 2,
		"AeyJ9cAMgS8QPLpphkWX": 0, "a.eyJyb2xlIjoiYW5v.b": 1, "cut off: eyJyb2xlIjoiYW5": 1, "AeyJ9cAMgS8QPeyJyb2xlIjoiYW5v": 1, "request AeyJ9cAMgS8QPLpphkWX of eyJyb2xlIjoiYW5v": 1,
	} {
		p := &probe{TB: t}
		log := slog.New(slog.NewJSONHandler(Watch(p, io.Discard), nil))
		log.Info("before")
		log.Info("in a field", "a", text)
		for _, f := range p.ends {
			f()
		}
		if p.errors != want {
			t.Errorf("%q: got %d errors, want %d", text, p.errors, want)
		}
	}
}
