package chaos

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"realtime/postgres"
	"realtime/postgres/embedded"
	"realtime/tenancy"
	"realtime/tests/program"
)

// patience bounds whatever should happen soon, on a machine that is busy with other tests.
const patience = time.Minute

const secret = "a secret that only this test knows, of 40 characters"

// workDir holds the binary, the database and the logs. Postgres runs as another user, so it is open to others.
var workDir string

// build makes the binary, once.
var build = sync.OnceValues(func() (string, error) {
	path := filepath.Join(workDir, "realtime")
	cmd := exec.Command("go", "build", "-o", path, "./cmd/realtime")
	cmd.Dir = "../.."
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build ./cmd/realtime: %w\n%s", err, out)
	}
	return path, nil
})

// database starts a Postgres of the test's own, which comes back by itself when it is stopped the hard way.
func database(t *testing.T, sql ...string) postgres.Settings {
	t.Helper()
	dir, err := os.MkdirTemp(workDir, "db-")
	if err == nil {
		err = os.Chmod(dir, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	pg, err := embedded.Start(t.Context(), embedded.Options{DataDir: filepath.Join(dir, "pg"), Fast: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), patience)
		defer cancel()
		if err := pg.Stop(ctx); err != nil {
			t.Error(err)
		}
	})
	s, err := postgres.ParseURL(pg.URL())
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range sql {
		query[string](t, s, q)
	}
	return s
}

// query runs one statement on a connection of its own and returns the first column of its rows.
func query[T any](t *testing.T, s postgres.Settings, sql string) (out []T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	conn, err := postgres.Connect(ctx, s)
	for ; err != nil; conn, err = postgres.Connect(ctx, s) { // it may be on its way back
		if ctx.Err() != nil {
			t.Fatal(err)
		}
		pause(20 * time.Millisecond)
	}
	defer conn.Close(ctx)
	rows, err := conn.Query(ctx, sql)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var v T
		if err := rows.Scan(&v); err != nil {
			t.Fatal(err)
		}
		out = append(out, v)
	}
	if err := rows.Err(); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return out
}

// crash stops Postgres as `pg_ctl stop -m immediate` does.
func crash(t *testing.T, s postgres.Settings) {
	t.Helper()
	first, _, _ := strings.Cut(query[string](t, s, "select pg_read_file('postmaster.pid')")[0], "\n")
	pid, err := strconv.Atoi(first)
	if err == nil {
		err = syscall.Kill(pid, syscall.SIGQUIT)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// server is one `realtime serve` with a durable slot, on a database that is not its own.
type server struct {
	t    *testing.T
	db   postgres.Settings
	port int
	log  *os.File
	env  []string

	cmd   *exec.Cmd
	ended chan error
}

func newServer(t *testing.T, db postgres.Settings, env ...string) *server {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	log, err := os.CreateTemp(workDir, "log-")
	if err != nil {
		t.Fatal(err)
	}
	s := &server{t: t, db: db, port: l.Addr().(*net.TCPAddr).Port, log: log, env: env}
	t.Cleanup(func() {
		s.kill()
		log.Close()
		out, err := os.ReadFile(log.Name())
		program.NoLeaks(t, string(out), []string{"DB_PASSWORD=" + db.Password.Reveal(), "API_JWT_SECRET=" + secret}, "")
		if t.Failed() {
			t.Logf("log of the server (%v):\n%s", err, out[max(0, len(out)-20_000):])
		}
	})
	return s
}

// start starts the server and waits until it serves. One that ends early, because its database is away, is started again.
func (s *server) start() {
	s.t.Helper()
	bin, err := build()
	if err != nil {
		s.t.Fatal(err)
	}
	for end := time.Now().Add(patience); time.Now().Before(end); {
		s.cmd = exec.Command(bin, "serve")
		s.cmd.Env = append([]string{
			"PATH=" + os.Getenv("PATH"), "HOME=" + workDir, fmt.Sprintf("PORT=%d", s.port), "REALTIME_SLOT=durable", "SEED_SELF_HOST=true",
			"DB_HOST=" + s.db.Host, fmt.Sprintf("DB_PORT=%d", s.db.Port), "DB_USER=" + s.db.User, "DB_PASSWORD=" + s.db.Password.Reveal(),
			"DB_NAME=" + s.db.Database, "DB_ENC_KEY=supabaserealtime", "API_JWT_SECRET=" + secret,
			"TENANT_MAX_EVENTS_PER_SECOND=100000000", "TENANT_MAX_JOINS_PER_SECOND=10000",
		}, s.env...)
		s.cmd.Stdout, s.cmd.Stderr = s.log, s.log
		if err := s.cmd.Start(); err != nil {
			s.t.Fatal(err)
		}
		s.ended = make(chan error, 1)
		go func(cmd *exec.Cmd, ended chan<- error) { ended <- cmd.Wait() }(s.cmd, s.ended) // ends with the process
		if s.ready() {
			return
		}
	}
	s.t.Fatal("the server does not start")
}

// ready waits until the server serves; false when it has ended.
func (s *server) ready() bool {
	client := http.Client{Timeout: time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	for {
		if res, err := client.Get(s.url() + "/healthcheck"); err == nil {
			res.Body.Close()
			return true
		}
		select {
		case err := <-s.ended:
			s.t.Logf("the server ended: %v", err)
			s.cmd = nil
			return false
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// kill ends the server as `kill -9` does.
func (s *server) kill() {
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Kill()
	if err := <-s.ended; err == nil {
		s.t.Log("the server had ended before")
	}
	s.cmd = nil
}

// freeze stops the server in its tracks, as a machine without memory or a debugger does; or lets it go on.
func (s *server) freeze(on bool) {
	s.t.Helper()
	sig := syscall.SIGCONT
	if on {
		sig = syscall.SIGSTOP
	}
	if err := s.cmd.Process.Signal(sig); err != nil {
		s.t.Fatal(err)
	}
}

func (s *server) url() string { return fmt.Sprintf("http://127.0.0.1:%d", s.port) }

func (s *server) logged(text string) bool {
	out, err := os.ReadFile(s.log.Name())
	return err == nil && bytes.Contains(out, []byte(text))
}

func token(t *testing.T) string {
	t.Helper()
	tok, err := tenancy.Sign([]byte(secret), map[string]any{"role": "anon", "exp": time.Now().Add(time.Hour).Unix()})
	if err != nil {
		t.Fatal(err)
	}
	return tok
}
