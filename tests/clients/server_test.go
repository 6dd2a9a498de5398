package clients

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"realtime/tests/program"
)

// server is one `realtime serve` on a data directory and a port of its own. It
// can be killed and started again on both. The test's goroutine owns it.
type server struct {
	t    *testing.T
	bin  string
	data string
	port int
	cert string // of its TLS, with key; "" is none
	key  string
	log  *os.File // what it prints: a file, so that its end is not the end of its children

	cmd   *exec.Cmd  // nil: not running
	ended chan error // gets what Wait says of cmd
}

// newServer prepares a server and has it gone when the test ends; start starts it.
func newServer(t *testing.T) *server {
	t.Helper()
	dir, err := os.MkdirTemp(workDir, "server-")
	if err == nil {
		err = os.Chmod(dir, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	log, err := os.Create(dir + "/log")
	if err != nil {
		t.Fatal(err)
	}
	s := &server{t: t, bin: binary(t), data: dir + "/data", port: freePort(t), log: log}
	t.Cleanup(func() {
		if s.cmd != nil {
			s.stop()
		}
		log.Close()
		out, err := os.ReadFile(log.Name())
		if program.NoLeaks(t, string(out), s.env(), s.data); err != nil || t.Failed() {
			t.Logf("output of the server: (%v)\n%s", err, out)
		}
	})
	return s
}

// start starts the server and returns how long it took from the start of the
// process to the first 200 of its health check. patience bounds the wait.
func (s *server) start(patience time.Duration) time.Duration {
	s.t.Helper()
	cmd := exec.Command(s.bin, "serve")
	cmd.Env = s.env()
	cmd.Stdout, cmd.Stderr = s.log, s.log
	began := time.Now()
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.cmd, s.ended = cmd, make(chan error, 1)
	go func(ended chan<- error) { ended <- cmd.Wait() }(s.ended) // ends with the process
	for time.Since(began) < patience {
		if s.healthy() {
			return time.Since(began)
		}
		select {
		case err := <-s.ended:
			s.cmd = nil
			s.t.Fatalf("the server ended before it was ready: %v", err)
		case <-time.After(2 * time.Millisecond):
		}
	}
	s.t.Fatalf("the server was not ready within %s", patience)
	return 0
}

func (s *server) healthy() bool {
	client := http.Client{Timeout: time.Second, Transport: &http.Transport{
		DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
	}}
	res, err := client.Get(s.url() + "/healthcheck")
	if err != nil {
		return false
	}
	defer res.Body.Close()
	return res.StatusCode == http.StatusOK
}

// kill ends the server as `kill -9` does. Only the server: not its database.
func (s *server) kill() {
	s.t.Helper()
	if err := s.cmd.Process.Kill(); err != nil {
		s.t.Fatal(err)
	}
	if err := <-s.ended; err == nil {
		s.t.Error("the server had ended before it could be killed")
	}
	s.cmd = nil
}

// stop asks the server to end and checks that it does so without complaint.
func (s *server) stop() {
	s.t.Helper()
	cmd := s.cmd
	s.cmd = nil
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		s.t.Error(err)
	}
	tooLong := time.AfterFunc(20*time.Second, func() { _ = cmd.Process.Kill() })
	defer tooLong.Stop()
	if err := <-s.ended; err != nil {
		s.t.Errorf("the server did not end well: %v", err)
	}
}

// run runs another realtime command on the same data and returns its output.
func (s *server) run(args ...string) string {
	s.t.Helper()
	cmd := exec.Command(s.bin, args...)
	cmd.Env = s.env()
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		s.t.Fatalf("realtime %s: %v\n%s", strings.Join(args, " "), err, stderr.String())
	}
	return strings.TrimSpace(string(out))
}

func (s *server) url() string {
	scheme := "http"
	if s.cert != "" {
		scheme = "https"
	}
	return fmt.Sprintf("%s://127.0.0.1:%d", scheme, s.port)
}

// env is the environment without the settings that a developer may have made.
func (s *server) env() []string {
	var env []string
	for _, entry := range os.Environ() {
		name, _, _ := strings.Cut(entry, "=")
		ours := name == "PORT" || name == "REALTIME_DATA_DIR" || name == "SLOT_NAME_SUFFIX"
		for _, prefix := range []string{"DB_", "API_JWT_", "TENANT_MAX_", "SELF_HOST_", "METRICS_"} {
			ours = ours || strings.HasPrefix(name, prefix)
		}
		if !ours {
			env = append(env, entry)
		}
	}
	if s.cert != "" {
		env = append(env, "REALTIME_TLS_CERT="+s.cert, "REALTIME_TLS_KEY="+s.key, "NODE_EXTRA_CA_CERTS="+s.cert)
	}
	return append(env, "REALTIME_DATA_DIR="+s.data, fmt.Sprintf("PORT=%d", s.port))
}

// freePort is a port that nobody listens on at the moment.
func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}
