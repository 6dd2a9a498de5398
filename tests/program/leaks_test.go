package program

import (
	"os"
	"path/filepath"
	"testing"

	"realtime/tests/leaks"
)

// probe counts the errors a check reports.
type probe struct {
	testing.TB
	errors int
}

func (p *probe) Helper()      {}
func (p *probe) Error(...any) { p.errors++ }

// TestALeakIsFound: the check can fail.
func TestALeakIsFound(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"secrets.env": "# made once\nAPI_JWT_SECRET=made-by-itself\n", "postgres/password": "of-the-database\n"} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	env := []string{"DB_PASSWORD=postgres", "API_JWT_SECRET=given", "DB_HOST=harmless"}
	for log, want := range map[string]int{
		"harmless postgres eyJ\n":                 0,
		"fine\nnow given\n":                       1,
		"made-by-itself and of-the-database\n":    2,
		"eyJhbGciOiJIUzI1NiJ9.eyJyb2xlIjoi\n":     1,
		leaks.Marker + "\n" + leaks.Marker + "\n": 2,
	} {
		p := &probe{TB: t}
		NoLeaks(p, log, env, dir)
		if p.errors != want {
			t.Errorf("%q: got %d errors, want %d", log, p.errors, want)
		}
	}
}
