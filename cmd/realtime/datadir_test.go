package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestDataDirectoryGoesByWhatWasSaid(t *testing.T) {
	t.Setenv("HOME", "/home/ada")
	for _, c := range []struct {
		c    Config
		goos string
		uid  int
		want string
	}{
		{Config{DataDir: "/data", XDGDataHome: "/xdg"}, "linux", 0, "/data"},
		{Config{XDGDataHome: "/xdg"}, "linux", 0, "/xdg/realtime"},
		{Config{}, "linux", 0, "/var/lib/realtime"},
		{Config{}, "linux", 1000, "/home/ada/.local/share/realtime"},
		{Config{}, "darwin", 501, "/home/ada/Library/Application Support/realtime"},
	} {
		got, err := chooseDataDir(&c.c, c.goos, c.uid)
		if err != nil || got != c.want {
			t.Errorf("%+v on %s as %d: got %q, %v; want %q", c.c, c.goos, c.uid, got, err, c.want)
		}
	}
}

func TestSecretsAreMadeOnceAndKeptPrivate(t *testing.T) {
	d := dataDir(filepath.Join(t.TempDir(), "new"))
	if _, err := loadSecrets(d); !errors.Is(err, errNoSecrets) {
		t.Fatalf("before the first start: got %v", err)
	}
	if err := d.create(); err != nil {
		t.Fatal(err)
	}
	first, err := ensureSecrets(d)
	if err != nil {
		t.Fatal(err)
	}
	if len(first.JWT) != 43 || len(first.Enc) != 16 {
		t.Errorf("got a secret of %d bytes and a key of %d", len(first.JWT), len(first.Enc))
	}
	info, err := os.Stat(d.secretsFile())
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("got mode %v, %v; want 0600", info.Mode(), err)
	}
	again, err := ensureSecrets(d)
	if err != nil || again != first {
		t.Errorf("the second start has other secrets (%v)", err)
	}
	if entries, _ := os.ReadDir(string(d)); len(entries) != 1 {
		t.Errorf("got %d files, want the secrets alone", len(entries))
	}
}

// TestDamagedSecretsStopTheStart: making new ones would lock everybody out of
// the rows that the old ones encrypted.
func TestDamagedSecretsStopTheStart(t *testing.T) {
	d := dataDir(t.TempDir())
	if err := os.WriteFile(d.secretsFile(), []byte("API_JWT_SECRET=abc\nDB_ENC_KEY=short\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := ensureSecrets(d)
	if err == nil || !strings.Contains(err.Error(), d.secretsFile()) {
		t.Errorf("got %v, want an error that names the file", err)
	}
}

func TestStateOfADeadServerCountsAsNone(t *testing.T) {
	d := dataDir(t.TempDir())
	if _, err := readState(d); !errors.Is(err, errNotRunning) {
		t.Errorf("no file: got %v", err)
	}
	st := &state{PID: os.Getpid(), URL: "http://localhost:4000", Started: time.Now().UTC().Truncate(time.Second)}
	if err := writeState(d, st); err != nil {
		t.Fatal(err)
	}
	got, err := readState(d)
	if err != nil || *got != *st {
		t.Errorf("got %+v, %v", got, err)
	}
	for _, pid := range []int{0, -1, 1 << 30} {
		if err := writeState(d, &state{PID: pid}); err != nil {
			t.Fatal(err)
		}
		if _, err := readState(d); !errors.Is(err, errNotRunning) {
			t.Errorf("pid %d: got %v", pid, err)
		}
		removeState(d)
		if _, err := os.Stat(d.stateFile()); err != nil {
			t.Errorf("pid %d: another server's state was removed", pid)
		}
	}
}

func TestPrivateFilesAreReplacedAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	for _, content := range []string{"one", "two"} {
		if err := writePrivate(path, []byte(content)); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(path)
		if err != nil || string(got) != content {
			t.Errorf("got %q, %v", got, err)
		}
	}
	if err := writePrivate(filepath.Join(path, "below"), nil); err == nil {
		t.Error("writing below a file works")
	}
}
