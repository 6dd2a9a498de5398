package readme

import (
	"bytes"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"realtime/tests/program"

	"go.uber.org/goleak"
)

// root is the repository, seen from this package's directory, where go test runs.
const root = "../.."

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestREADME types the README and checks that a reader has seen the three things
// that realtime is for: a broadcast, somebody's presence and a row.
func TestREADME(t *testing.T) {
	if testing.Short() {
		t.Skip("builds and starts a server")
	}
	program.WatchSources(t, root)
	doc, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	portIsFree(t)
	dir, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	r := runner{
		dir: dir, env: environment(t, freshHome(t)), scratch: t.TempDir(), log: t.Logf,
		blockTime: time.Minute, readyTime: 3 * time.Minute, laterTime: 15 * time.Second,
	}
	began := time.Now()
	found, err := r.run(string(doc))
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("typed in %s", time.Since(began).Round(time.Second))
	seen := strings.ToLower(strings.Join(found, "\n"))
	for _, word := range []string{"broadcast", "presence", "insert"} {
		if !strings.Contains(seen, word) {
			t.Errorf("no line that the README promised, and that was printed, speaks of %q:\n%s", word, seen)
		}
	}
}

// freshHome is a home directory that others may enter, unlike testing's own: the
// database of a server that root starts runs as another user.
func freshHome(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "realtime-readme-")
	if err == nil {
		err = os.Chmod(dir, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// portIsFree fails the test if something listens on the port that the README speaks of.
func portIsFree(t *testing.T) {
	t.Helper()
	conn, err := net.DialTimeout("tcp", "127.0.0.1:4000", time.Second)
	if err == nil {
		conn.Close()
		t.Fatal("port 4000 is taken: stop the server that runs there")
	}
}

// environment is a reader's who has a fresh home directory and has set nothing
// for realtime. The caches of go and npm stay where they are: what is tested is
// the README, not the network.
func environment(t *testing.T, home string) []string {
	t.Helper()
	var env []string
	for _, entry := range os.Environ() {
		name, _, _ := strings.Cut(entry, "=")
		set := name == "PORT" || name == "HOME" || name == "APP_NAME" || name == "LOG_LEVEL"
		for _, prefix := range []string{"REALTIME_", "DB_", "API_", "TENANT_", "SELF_HOST_", "METRICS_", "SLOT_", "XDG_"} {
			set = set || strings.HasPrefix(name, prefix) && name != "REALTIME_PG_BIN"
		}
		if !set {
			env = append(env, entry)
		}
	}
	// Without it the server of a root user keeps its data in /var/lib.
	env = append(env, "HOME="+home, "XDG_DATA_HOME="+filepath.Join(home, ".local", "share"))
	for _, name := range []string{"GOCACHE", "GOMODCACHE", "GOPATH", "GOENV"} {
		env = append(env, name+"="+output(t, "go", "env", name))
	}
	if _, err := exec.LookPath("npm"); err == nil {
		for _, name := range []string{"cache", "userconfig"} {
			env = append(env, "npm_config_"+name+"="+output(t, "npm", "config", "get", name))
		}
	}
	return env
}

func output(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).Output()
	if err != nil {
		t.Fatalf("%s %s: %v", name, strings.Join(args, " "), err)
	}
	return string(bytes.TrimSpace(out))
}
