package bench

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// Spawned is a server, or a yardstick, that was started for a measurement.
type Spawned struct {
	Target *Target
	cmd    *exec.Cmd
	dir    string
	ended  chan struct{}
}

const (
	startLimit = 2 * time.Minute // initdb on a slow machine
	stopLimit  = 15 * time.Second
)

// lifted are the limits of the self-host tenant: what is to be measured is the server, not its limits.
var lifted = []string{
	"TENANT_MAX_CONCURRENT_USERS=10000000", "TENANT_MAX_EVENTS_PER_SECOND=2000000000", "TENANT_MAX_JOINS_PER_SECOND=2000000000",
	"TENANT_MAX_CHANNELS_PER_CLIENT=100000", "CLIENT_PRESENCE_MAX_CALLS=1000000",
	"REALTIME_MAX_CONNECTS_PER_SECOND=1000000",
}

// Server is what else Spawn needs for a server that is to be measured so: offenders meet the pace of connects that is the default.
func (o *Options) Server() (environment []string) {
	if o.Scenario == "offenders" {
		return []string{"REALTIME_MAX_CONNECTS_PER_SECOND="}
	}
	return nil
}

// Spawn starts program as a server on a free port, with more in its environment, and waits until it is ready. Its log goes to
// a file in its data directory, which Close removes.
func Spawn(ctx context.Context, program string, more ...string) (*Spawned, error) {
	dir, err := os.MkdirTemp("", "realtime-bench-")
	if err != nil {
		return nil, fmt.Errorf("make a data directory: %w", err)
	}
	s := &Spawned{dir: dir, ended: make(chan struct{})}
	if err := s.start(ctx, program, more); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Spawned) start(ctx context.Context, program string, more []string) error {
	if err := os.Chmod(s.dir, 0o755); err != nil { //nolint:gosec // G302: Postgres may run under another account; the files in it are closed
		return fmt.Errorf("open the data directory: %w", err)
	}
	port, err := freePort(ctx)
	if err != nil {
		return err
	}
	log, err := os.Create(filepath.Join(s.dir, "server.log"))
	if err != nil {
		return fmt.Errorf("make a log file: %w", err)
	}
	defer log.Close() // the server has its own
	secret := make([]byte, 32)
	rand.Read(secret) // never fails, by its documentation
	text := base64.RawURLEncoding.EncodeToString(secret)
	s.cmd = exec.CommandContext(context.WithoutCancel(ctx), program, "serve") // ended by Close, so that it can stop its database
	s.cmd.Env = append(os.Environ(), append(append([]string{                  //nolint:forbidigo // handed on, not read
		"PORT=" + strconv.Itoa(port), "REALTIME_DATA_DIR=" + s.dir, "API_JWT_SECRET=" + text, "LOG_LEVEL=warn", "DB_HOST=", "METRICS_JWT_SECRET=",
	}, lifted...), more...)...)
	s.cmd.Stdout, s.cmd.Stderr = log, log
	if err := s.cmd.Start(); err != nil {
		return fmt.Errorf("start %s serve: %w", program, err)
	}
	go s.await() // ends with the server
	s.Target = &Target{Name: "realtime", URL: "http://127.0.0.1:" + strconv.Itoa(port), Secret: text, PID: s.cmd.Process.Pid}
	if err := s.ready(ctx); err != nil {
		return err
	}
	s.Target.PostgresPID = postmaster(s.Target.PID)
	return s.describe()
}

// await notes the end of the process.
func (s *Spawned) await() {
	_ = s.cmd.Wait() // how it ended is in its log
	close(s.ended)
}

// ready waits until the health check answers 200.
func (s *Spawned) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.Target.URL+"/healthcheck", http.NoBody)
		if err != nil {
			return fmt.Errorf("wait for the server: %w", err)
		}
		if resp, err := http.DefaultClient.Do(req); err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			return fmt.Errorf("wait for the server: %w%s", context.Cause(ctx), s.lastWords())
		case <-s.ended:
			return fmt.Errorf("wait for the server: it ended%s", s.lastWords())
		}
	}
}

// describe reads what the server says about itself in its data directory.
func (s *Spawned) describe() error {
	b, err := os.ReadFile(filepath.Join(s.dir, "server.json"))
	if err != nil {
		return fmt.Errorf("read the server's state: %w", err)
	}
	var state struct{ Database, Version string }
	if err := json.Unmarshal(b, &state); err != nil {
		return fmt.Errorf("read the server's state: %w", err)
	}
	s.Target.Database, s.Target.Version = state.Database, state.Version
	return nil
}

// lastWords is the end of the server's log.
func (s *Spawned) lastWords() string {
	b, err := os.ReadFile(filepath.Join(s.dir, "server.log"))
	if err != nil || len(b) == 0 {
		return ""
	}
	return ":\n" + string(b[max(0, len(b)-2000):])
}

// Close stops the server and its database and removes their files.
func (s *Spawned) Close() error {
	if s.cmd != nil && s.cmd.Process != nil {
		_ = s.cmd.Process.Signal(syscall.SIGTERM) // fails if it has ended
		select {
		case <-s.ended:
		case <-time.After(stopLimit):
			_ = s.cmd.Process.Kill() // likewise
			<-s.ended
		}
	}
	if s.dir == "" {
		return nil
	}
	return os.RemoveAll(s.dir)
}

func freePort(ctx context.Context) (int, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("find a free port: %w", err)
	}
	defer l.Close()
	address, ok := l.Addr().(*net.TCPAddr)
	if !ok {
		return 0, fmt.Errorf("find a free port: %v is not TCP", l.Addr())
	}
	return address.Port, nil
}
