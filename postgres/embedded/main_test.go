package embedded_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"

	"realtime/postgres/embedded"
)

// childVar makes this test binary a server: it holds the data directory, and the process ends when its input does.
const childVar = "EMBEDDED_TEST_CHILD"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childVar); dir != "" {
		os.Exit(child(dir))
	}
	code := m.Run()
	if first.dir != "" {
		_ = os.RemoveAll(first.dir)
	}
	if code == 0 {
		if err := goleak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

func child(dir string) int {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	s, err := embedded.Start(ctx, embedded.Options{DataDir: dir})
	if err != nil {
		fmt.Println("failed", strings.ReplaceAll(err.Error(), "\n", " "))
		return 1
	}
	fmt.Println("ready", s.URL())
	_, _ = io.Copy(io.Discard, os.Stdin)
	if err := s.Stop(ctx); err != nil {
		fmt.Println("failed", err)
		return 1
	}
	return 0
}

// owner is a process of its own that runs a server.
type owner struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	url string
}

// startOwner starts the child, as another user if credential is given, and waits until its server is ready.
func startOwner(t *testing.T, dir string, credential *syscall.Credential) *owner {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if credential != nil { // the tool's own build directory is closed to other users
		open := filepath.Join(publicDir(t), "embedded.test")
		copyTree(t, exe, open)
		exe = open
	}
	cmd := childCommand(exe, dir, credential)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	word, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
	if word != "ready" {
		t.Fatalf("child said %q (%v)", line, err)
	}
	return &owner{cmd: cmd, in: in, url: rest}
}

func childCommand(exe, dir string, credential *syscall.Credential) *exec.Cmd {
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), childVar+"="+dir)
	cmd.Stderr = os.Stderr
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: credential}
	return cmd
}

// runChild runs a child that must not get as far as a server, and returns what it said.
func runChild(t *testing.T, exe, dir string, credential *syscall.Credential) string {
	t.Helper()
	out, err := childCommand(exe, dir, credential).Output()
	if err == nil {
		t.Errorf("the child ended well: %s", out)
	}
	return string(out)
}

// kill ends the owner as a crash would.
func (o *owner) kill() {
	_ = o.cmd.Process.Kill()
	_ = o.cmd.Wait()
}

// publicDir is a temporary directory that every user may pass through. The testing package's own is closed.
func publicDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "embedded-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// first is a data directory that has been started and stopped once. Copying it saves each test an initdb.
var first struct {
	once sync.Once
	dir  string
	err  error
}

// dataDir returns a data directory of its own for the test, with a cluster in it that has been stopped in order.
func dataDir(t *testing.T) string {
	t.Helper()
	first.once.Do(func() {
		if first.dir, first.err = os.MkdirTemp("", "embedded-test-"); first.err != nil {
			return
		}
		if first.err = os.Chmod(first.dir, 0o755); first.err != nil {
			return
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		for _, fast := range []bool{true, false} { // made in a hurry, then stopped in order
			var s *embedded.Server
			if s, first.err = embedded.Start(ctx, embedded.Options{DataDir: filepath.Join(first.dir, "pg"), Fast: fast}); first.err != nil {
				return
			}
			if first.err = s.Stop(ctx); first.err != nil {
				return
			}
		}
	})
	if first.err != nil {
		t.Fatal(first.err)
	}
	dir := filepath.Join(publicDir(t), "pg")
	copyTree(t, filepath.Join(first.dir, "pg"), dir)
	if err := os.Remove(filepath.Join(dir, "port")); err != nil {
		t.Fatal(err)
	}
	return dir
}

func copyTree(t *testing.T, from, to string) {
	t.Helper()
	if out, err := exec.Command("cp", "-a", from, to).CombinedOutput(); err != nil {
		t.Fatalf("copy: %v: %s", err, out)
	}
}

// start starts a server that is stopped at the end of the test at the latest.
func start(t *testing.T, o embedded.Options) *embedded.Server {
	t.Helper()
	s, err := embedded.Start(limited(t), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(t, s) })
	return s
}

func stop(t *testing.T, s *embedded.Server) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := s.Stop(ctx); err != nil {
		t.Error(err)
	}
}

func limited(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// ask runs statements on a connection of its own and returns the first column of the last one's first row, or the error.
func ask(ctx context.Context, url, sql string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return "", err
	}
	defer func() { _ = conn.Close(ctx) }()
	results, err := conn.PgConn().Exec(ctx, sql).ReadAll()
	if err != nil || len(results) == 0 {
		return "", err
	}
	if last := results[len(results)-1]; len(last.Rows) > 0 && len(last.Rows[0]) > 0 {
		return string(last.Rows[0][0]), nil
	}
	return "", nil
}

func want(t *testing.T, url, sql, answer string) {
	t.Helper()
	got, err := ask(limited(t), url, sql)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	if got != answer {
		t.Fatalf("%s: got %q, want %q", sql, got, answer)
	}
}

// eventually repeats a question for up to 30 s.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick, limit := time.NewTicker(10*time.Millisecond), time.After(30*time.Second)
	defer tick.Stop()
	for !ok() {
		select {
		case <-limit:
			t.Fatalf("not within 30 s: %s", what)
		case <-tick.C:
		}
	}
}

// postmaster reads the pid of the server on a data directory, 0 if there is none.
func postmaster(dir string) int {
	b, _ := os.ReadFile(filepath.Join(dir, "data", "postmaster.pid"))
	pid, _ := strconv.Atoi(strings.Split(string(b), "\n")[0])
	return pid
}

// serverProcesses counts the living processes that work in a cluster.
func serverProcesses(dir string) int {
	n := 0
	links, _ := filepath.Glob("/proc/[0-9]*/cwd")
	for _, l := range links {
		if cwd, err := os.Readlink(l); err == nil && cwd == filepath.Join(dir, "data") {
			n++
		}
	}
	return n
}
