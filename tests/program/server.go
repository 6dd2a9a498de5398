package program

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// patience bounds every wait for what must happen, on a machine under load.
const patience = 60 * time.Second

// Server is one `realtime serve` on a port and a data directory of its own, which it keeps over its starts. The test's goroutine
// owns it.
type Server struct {
	URL  string // http://127.0.0.1:port, or https
	Bin  string
	Data string // its directory

	t   testing.TB
	env []string
	log *os.File // a file, so that its end is not the end of the server's children

	everSet []string // every variable of every start: NoLeaks looks for the secrets among them
	cmd     *exec.Cmd
	end     chan error
}

// New prepares a server with the given variables, NAME=value, and nothing of the developer's own. When the test ends it is
// stopped, and its log searched for secrets.
func New(t testing.TB, root string, env ...string) *Server {
	t.Helper()
	dir := Dir(t)
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	port := freePort(t)
	s := &Server{
		URL: "http://127.0.0.1:" + port, Bin: Binary(t, root), Data: filepath.Join(dir, "data"), t: t, log: log,
		env: append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "REALTIME_DATA_DIR=" + filepath.Join(dir, "data"), "PORT=" + port}, env...), //nolint:forbidigo // a child needs a PATH
	}
	t.Cleanup(func() {
		s.Stop()
		_ = log.Close()
		out := s.Log()
		NoLeaks(t, out, s.everSet, s.Data)
		if t.Failed() {
			t.Logf("output of the server:\n%s", out[max(0, len(out)-100_000):])
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

// Env is the environment of the server and of those who work beside it.
func (s *Server) Env() []string { return slices.Clone(s.env) }

// Secure gives the server a certificate: from its next start on it and its clients speak TLS.
func (s *Server) Secure(cert, key string) {
	s.URL = strings.Replace(s.URL, "http://", "https://", 1)
	s.Set("REALTIME_TLS_CERT=" + cert)
	s.Set("REALTIME_TLS_KEY=" + key)
}

// Start starts the server and waits until it is ready. It returns how long that took, from the start of the process to the first
// 200 of its health check.
func (s *Server) Start() time.Duration {
	s.t.Helper()
	began := time.Now()
	if err := s.TryStart(); err != nil {
		s.t.Fatalf("%v\n%s", err, s.Log())
	}
	return time.Since(began)
}

// TryStart is Start for a server that may not be able to. It does not run after an error.
func (s *Server) TryStart() error {
	s.t.Helper()
	s.everSet = append(s.everSet, s.env...)
	s.cmd = exec.CommandContext(context.WithoutCancel(s.t.Context()), s.Bin, "serve") // ended by Stop, not by a context
	s.cmd.Env, s.cmd.Stdout, s.cmd.Stderr = s.env, s.log, s.log
	if err := s.cmd.Start(); err != nil {
		return err
	}
	s.end = make(chan error, 1)
	go func(cmd *exec.Cmd, end chan<- error) { end <- cmd.Wait() }(s.cmd, s.end) // ends with the process
	for deadline := time.Now().Add(patience); !s.healthy(); {
		select {
		case err := <-s.end:
			s.cmd = nil
			return fmt.Errorf("the server ended before it was ready: %w", err)
		case <-time.After(2 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			s.Kill()
			return fmt.Errorf("the server was not ready within %s", patience)
		}
	}
	return nil
}

func (s *Server) healthy() bool {
	ctx, cancel := context.WithTimeout(s.t.Context(), time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL+"/healthcheck", nil)
	if err != nil {
		return false
	}
	res, err := (&http.Client{Transport: &http.Transport{
		DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // G402: a certificate of the test's own
	}}).Do(r)
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

// Kill ends the server as `kill -9` does. Only the server: not its database. A server that does not run is left alone.
func (s *Server) Kill() {
	s.t.Helper()
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Kill() // it may have ended, which the next line tells
	if err := <-s.end; !killed(err) {
		s.t.Errorf("the server had ended before it could be killed: %v", err)
	}
	s.cmd = nil
}

func killed(err error) bool {
	exit, ok := errors.AsType[*exec.ExitError](err)
	if !ok {
		return false
	}
	status, ok := exit.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && status.Signal() == syscall.SIGKILL
}

// PID is the process of a server that runs.
func (s *Server) PID() int { return s.cmd.Process.Pid }

// Freeze stops the server in its tracks, as a machine without memory or a debugger does, or lets it go on.
func (s *Server) Freeze(on bool) {
	s.t.Helper()
	sig := syscall.SIGCONT
	if on {
		sig = syscall.SIGSTOP
	}
	if err := s.cmd.Process.Signal(sig); err != nil {
		s.t.Fatal(err)
	}
}

// Run runs another command of the binary in the server's environment and returns what it printed on standard output.
func (s *Server) Run(args ...string) string {
	s.t.Helper()
	cmd := exec.CommandContext(s.t.Context(), s.Bin, args...)
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
