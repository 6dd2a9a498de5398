package embedded_test

import (
	"bytes"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"realtime/postgres/embedded"
	"realtime/tests/leaks"
)

// refused starts a server that must not start, and returns why.
func refused(t *testing.T, o embedded.Options) error {
	t.Helper()
	s, err := embedded.Start(limited(t), o)
	if err == nil {
		stop(t, s)
		t.Fatal("it started")
	}
	return err
}

func mentions(t *testing.T, err error, words ...string) {
	t.Helper()
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("the error does not mention %q: %v", w, err)
		}
	}
}

func TestSecondServerIsRefused(t *testing.T) {
	dir := dataDir(t)
	o := startOwner(t, dir, nil)
	err := refused(t, embedded.Options{DataDir: dir})
	if !errors.Is(err, embedded.ErrInUse) {
		t.Fatalf("got %v", err)
	}
	mentions(t, err, dir, strconv.Itoa(o.cmd.Process.Pid))
	want(t, o.url, "select 1", "1")
	o.kill()
	s := start(t, embedded.Options{DataDir: dir})
	mentions(t, refused(t, embedded.Options{DataDir: dir}), strconv.Itoa(os.Getpid()))
	want(t, s.URL(), "select 1", "1")
}

func TestNoBinariesSaysWhatToInstall(t *testing.T) {
	empty := publicDir(t)
	err := refused(t, embedded.Options{DataDir: filepath.Join(empty, "pg"), BinDir: empty})
	if !errors.Is(err, embedded.ErrNoBinaries) {
		t.Fatalf("got %v", err)
	}
	install := map[string]string{"linux": "install", "darwin": "brew install postgresql@"}[runtime.GOOS]
	mentions(t, err, empty, install, "REALTIME_PG_BIN")
}

func TestOtherMajorIsRefused(t *testing.T) {
	dir := dataDir(t)
	if err := os.WriteFile(filepath.Join(dir, "data", "PG_VERSION"), []byte("9\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	err := refused(t, embedded.Options{DataDir: dir})
	if !errors.Is(err, embedded.ErrNoBinaries) {
		t.Fatalf("got %v", err)
	}
	mentions(t, err, "Postgres 9", "found only")
}

func TestPortAskedForAndTaken(t *testing.T) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	_, text, _ := net.SplitHostPort(l.Addr().String())
	port, _ := strconv.Atoi(text)
	err = refused(t, embedded.Options{DataDir: dataDir(t), Port: port})
	if !errors.Is(err, embedded.ErrPortTaken) {
		t.Fatalf("got %v", err)
	}
	mentions(t, err, "127.0.0.1:"+text)
}

func TestKeptPortTakenIsReplaced(t *testing.T) {
	dir := dataDir(t)
	s := start(t, embedded.Options{DataDir: dir})
	stop(t, s)
	kept, err := os.ReadFile(filepath.Join(dir, "port"))
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp4", "127.0.0.1:"+strings.TrimSpace(string(kept)))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	var log bytes.Buffer
	s = start(t, embedded.Options{DataDir: dir, Log: slog.New(slog.NewTextHandler(leaks.Watch(t, &log), nil))})
	want(t, s.URL(), "select 1", "1")
	if !strings.Contains(log.String(), "taken by another program") {
		t.Errorf("nothing was said: %s", log.String())
	}
}

func TestPortAskedForIsUsed(t *testing.T) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := net.SplitHostPort(l.Addr().String())
	port, _ := strconv.Atoi(text)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	s := start(t, embedded.Options{DataDir: dataDir(t), Port: port})
	want(t, s.URL(), "select inet_server_port()", text)
}

func TestForeignDirectoryIsLeftAlone(t *testing.T) {
	for file, word := range map[string]string{"thesis.txt": "thesis.txt", "PG_VERSION": "cluster made by other means"} {
		dir := publicDir(t)
		if err := os.WriteFile(filepath.Join(dir, file), []byte("15\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		mentions(t, refused(t, embedded.Options{DataDir: dir}), dir, word)
		st, err := os.Stat(dir)
		if err != nil {
			t.Fatal(err)
		}
		if st.Mode().Perm() != 0o755 {
			t.Errorf("its mode is now %#o", st.Mode().Perm())
		}
		if entries, _ := os.ReadDir(dir); len(entries) != 1 {
			t.Errorf("something was left in it: %v", entries)
		}
	}
}

func TestFailedStartShowsPostgresWords(t *testing.T) {
	dir := dataDir(t)
	conf := filepath.Join(dir, "data", "postgresql.conf")
	b, err := os.ReadFile(conf)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(conf, append(b, "\nno_such_setting = 1\n"...), 0o600); err != nil {
		t.Fatal(err)
	}
	mentions(t, refused(t, embedded.Options{DataDir: dir}), "no_such_setting", "last words")
}
