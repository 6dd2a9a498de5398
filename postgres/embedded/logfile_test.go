package embedded

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func testHome(t *testing.T) *home {
	t.Helper()
	dir := t.TempDir()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = root.Close() })
	return &home{dir: dir, root: root}
}

func TestLogIsBounded(t *testing.T) {
	h := testHome(t)
	l, err := openLog(h)
	if err != nil {
		t.Fatal(err)
	}
	defer l.close()
	var b strings.Builder
	line := strings.Repeat("x", 999) + "\n"
	for b.Len() < 3*logLimit {
		b.WriteString(line)
	}
	b.WriteString(strings.Repeat("y", 1<<20) + "\nlast words\nno newline")
	l.drain(io.NopCloser(strings.NewReader(b.String())))
	entries, err := os.ReadDir(h.dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 2 {
		t.Errorf("got %v, want the log and one before it", entries)
	}
	for _, e := range entries {
		if st, err := e.Info(); err != nil || st.Size() > logLimit || st.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v %v", e.Name(), st, err)
		}
	}
	text, err := os.ReadFile(filepath.Join(h.dir, logName))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasSuffix(string(text), "\nlast words\nno newline") {
		t.Errorf("the log ends in %q", text[max(0, len(text)-50):])
	}
	last := l.last()
	if len(last) != tailLines || last[tailLines-1] != "no newline" || last[tailLines-2] != "last words" || len(last[tailLines-3]) > 64<<10 {
		t.Errorf("the tail has %d lines and ends in %.100q", len(last), last[len(last)-1])
	}
	l.forget()
	if last := l.last(); len(last) != 0 {
		t.Errorf("not forgotten: %q", last)
	}
}

func TestLogIsContinued(t *testing.T) {
	h := testHome(t)
	for i := range 2 {
		l, err := openLog(h)
		if err != nil {
			t.Fatal(err)
		}
		l.drain(io.NopCloser(strings.NewReader(fmt.Sprintf("run %d\n", i))))
		l.close()
		l.add([]byte("after the end\n")) // a straggler: kept in mind, not written
	}
	if got := h.read(logName); got != "run 0\nrun 1" {
		t.Errorf("got %q", got)
	}
}

// TestLogFollowsNoLink: the directory belongs to the user that Postgres runs as, who may put there what it likes.
func TestLogFollowsNoLink(t *testing.T) {
	h := testHome(t)
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(secret, filepath.Join(h.dir, logName)); err != nil {
		t.Fatal(err)
	}
	if l, err := openLog(h); err == nil {
		l.close()
		t.Error("it was opened through a link out of the directory")
	}
	if err := os.Symlink(secret, filepath.Join(h.dir, portName)); err != nil {
		t.Fatal(err)
	}
	if err := h.write(portName, "1"); err == nil {
		t.Error("it was written through a link out of the directory")
	}
}

func TestNewestVersionComesFirst(t *testing.T) {
	for path, want := range map[string]int{
		"/usr/lib/postgresql/15/bin/postgres": 15, "/usr/pgsql-9.6/bin/postgres": 9, "/opt/homebrew/opt/postgresql@17/bin/postgres": 17, "/usr/local/bin/postgres": 0,
	} {
		if got := versionIn(path); got != want {
			t.Errorf("%s: got %d, want %d", path, got, want)
		}
	}
}

func TestLinesAreQuoted(t *testing.T) {
	if got := quoteLines(nil, 5); got != "" {
		t.Errorf("no lines: %q", got)
	}
	if got, want := quoteLines([]string{"a", "b", "c"}, 2), "; its last words:\n\tb\n\tc"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
