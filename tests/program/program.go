package program

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// patience bounds every wait for what must happen, on a machine under load.
const patience = 60 * time.Second

// folder holds the binary and the servers' directories while the tests run. It is open to others, unlike testing's own:
// the database of a server that root starts runs as another user.
var folder string

// Main is all that a TestMain does: it makes the folder, runs the tests, removes it again, looks for goroutines that were
// left behind, and exits. run is m.Run, or what prepares more and then calls it.
func Main(run func() int) {
	code := inFolder(run)
	if err := goleak.Find(); code == 0 && err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func inFolder(run func() int) int {
	dir, err := os.MkdirTemp("", "realtime-program-")
	if err == nil {
		err = os.Chmod(dir, 0o755) //nolint:gosec // G302: see folder
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	folder = dir
	defer os.RemoveAll(dir)
	return run()
}

// Binary builds ./cmd/realtime, once, and returns its path. root is the repository as seen from the caller's directory.
func Binary(t testing.TB, root string) string {
	t.Helper()
	once.Do(func() {
		built = filepath.Join(folder, "realtime")
		cmd := exec.CommandContext(context.WithoutCancel(t.Context()), "go", "build", "-o", built, "./cmd/realtime")
		cmd.Dir = root
		if out, err := cmd.CombinedOutput(); err != nil {
			errBuild = fmt.Errorf("build ./cmd/realtime: %w\n%s", err, out)
		}
	})
	if errBuild != nil {
		t.Fatal(errBuild)
	}
	return built
}

var (
	once     sync.Once
	built    string
	errBuild error
)

// Server is one `realtime serve`. The test's goroutine owns it.
type Server struct {
	URL string // http://127.0.0.1:port

	t   testing.TB
	bin string
	env []string
	log *os.File

	everSet []string // every variable of every start: NoLeaks looks for the secrets among them
	cmd     *exec.Cmd
	end     chan error
}

// New prepares a server with the given variables, NAME=value, and nothing of the developer's own. When the test ends it is
// stopped, and its log searched for secrets.
func New(t testing.TB, root string, env ...string) *Server {
	t.Helper()
	dir, err := os.MkdirTemp(folder, "server-")
	if err == nil {
		err = os.Chmod(dir, 0o755) //nolint:gosec // G302: see folder
	}
	if err != nil {
		t.Fatal(err)
	}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	port := freePort(t)
	s := &Server{
		URL: "http://127.0.0.1:" + port, t: t, bin: Binary(t, root), log: log,
		env: append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "REALTIME_DATA_DIR=" + filepath.Join(dir, "data"), "PORT=" + port}, env...), //nolint:forbidigo // a child needs a PATH
	}
	t.Cleanup(func() {
		s.Stop()
		_ = log.Close()
		NoLeaks(t, s.Log(), s.everSet, filepath.Join(dir, "data"))
		if t.Failed() {
			t.Logf("output of the server:\n%s", s.Log())
		}
	})
	return s
}

// Set changes a variable for the next start.
func (s *Server) Set(pair string) {
	name, _, _ := strings.Cut(pair, "=")
	for i, e := range s.env {
		if strings.HasPrefix(e, name+"=") {
			s.env[i] = pair
			return
		}
	}
	s.env = append(s.env, pair)
}

// Start starts the server and waits until it is ready.
func (s *Server) Start() {
	s.t.Helper()
	s.everSet = append(s.everSet, s.env...)
	s.cmd = exec.CommandContext(context.WithoutCancel(s.t.Context()), s.bin, "serve") // ended by Stop, not by a context
	s.cmd.Env, s.cmd.Stdout, s.cmd.Stderr = s.env, s.log, s.log
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.end = make(chan error, 1)
	go func(cmd *exec.Cmd, end chan<- error) { end <- cmd.Wait() }(s.cmd, s.end) // ends with the process
	for deadline := time.Now().Add(patience); !s.healthy(); {
		select {
		case err := <-s.end:
			s.cmd = nil
			s.t.Fatalf("the server ended before it was ready: %v\n%s", err, s.Log())
		case <-time.After(5 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("the server was not ready within %s", patience)
		}
	}
}

func (s *Server) healthy() bool {
	ctx, cancel := context.WithTimeout(s.t.Context(), time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL+"/healthcheck", nil)
	if err != nil {
		return false
	}
	res, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(r)
	if err != nil {
		return false
	}
	defer res.Body.Close()
	return res.StatusCode == http.StatusOK
}

// Stop asks the server to end and checks that it does so without complaint. A server that does not run is left alone.
func (s *Server) Stop() {
	s.t.Helper()
	if s.cmd == nil {
		return
	}
	cmd := s.cmd
	s.cmd = nil
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		s.t.Error(err)
	}
	late := time.AfterFunc(20*time.Second, func() { _ = cmd.Process.Kill() })
	defer late.Stop()
	if err := <-s.end; err != nil {
		s.t.Errorf("the server did not end well: %v", err)
	}
}

// Run runs another command of the binary in the server's environment and returns what it printed on standard output.
func (s *Server) Run(args ...string) string {
	s.t.Helper()
	cmd := exec.CommandContext(s.t.Context(), s.bin, args...)
	cmd.Env = s.env
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		s.t.Fatalf("realtime %s: %v\n%s", strings.Join(args, " "), err, stderr.String())
	}
	return strings.TrimSpace(string(out))
}

// Log is everything that the server has printed.
func (s *Server) Log() string {
	text, err := os.ReadFile(s.log.Name())
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// Await waits until the log holds every one of the words in one line, after the first `from` bytes, and returns that line.
func (s *Server) Await(from int, words ...string) string {
	s.t.Helper()
	for deadline := time.Now().Add(patience); ; {
		for line := range strings.Lines(s.Log()[from:]) {
			if holds(line, words) {
				return line
			}
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("no line of the log says %q", words)
		}
		<-time.After(10 * time.Millisecond)
	}
}

func holds(line string, words []string) bool {
	for _, w := range words {
		if !strings.Contains(line, w) {
			return false
		}
	}
	return true
}

func freePort(t testing.TB) string {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return fmt.Sprint(l.Addr().(*net.TCPAddr).Port)
}
