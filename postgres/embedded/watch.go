package embedded

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// errExited: the postmaster ended before it was ready.
var errExited = errors.New("it ended before it was ready")

// firstStart starts Postgres on a port of its choice, or of the caller's. A port can be lost between looking and
// listening; one that was not asked for by number is then replaced.
func (s *Server) firstStart(ctx context.Context) (*process, error) {
	for try := 0; ; try++ {
		if err := s.choosePort(ctx); err != nil {
			return nil, err
		}
		p, err := s.bringUp(ctx)
		if err == nil {
			return p, nil
		}
		if !errors.Is(err, errExited) || try == 5 {
			return nil, err
		}
		if taken := tryPort(ctx, s.port); taken == nil && try > 0 {
			return nil, err
		}
		// Once more in any case: the backends of a killed postmaster hold its shared memory for a moment.
		if sleep(ctx, 50*time.Millisecond) != nil {
			return nil, err
		}
	}
}

// bringUp starts a postmaster and waits until it takes connections. On error no process is left.
func (s *Server) bringUp(ctx context.Context) (*process, error) {
	s.words.forget()
	p, err := s.spawn()
	if err != nil {
		return nil, err
	}
	began, told := time.Now(), false
	for {
		if st := s.home.readStatus(); st.pid == p.pid && st.ready {
			return p, nil
		}
		select {
		case <-p.exited:
			p.waitWords()
			return nil, fmt.Errorf("start Postgres %s: %w (%w)%s", s.binaries.version, errExited, p.err, quoteLines(s.words.last(), 5))
		case <-s.quit:
			s.end(p, grace)
			return nil, errors.New("start Postgres: stopped meanwhile")
		case <-ctx.Done():
			s.end(p, 0)
			return nil, fmt.Errorf("start Postgres %s: %w%s", s.binaries.version, context.Cause(ctx), quoteLines(s.words.last(), 5))
		case <-time.After(2 * time.Millisecond):
		}
		if !told && time.Since(began) > 2*time.Second {
			told = true
			s.options.Progress("Postgres is not ready yet; after an unclean stop it recovers first, which can take a while")
		}
	}
}

// spawn starts a postmaster.
func (s *Server) spawn() (*process, error) {
	read, write, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("start Postgres: %w", err)
	}
	s.removeSockets()
	cmd := exec.Command(filepath.Join(s.binaries.dir, "postgres"), append(s.arguments(), "-p", strconv.Itoa(s.port))...) //nolint:noctx // it outlives every context
	cmd.Dir, cmd.Env, cmd.SysProcAttr = s.home.dir, plainEnv(), attributes(s.home.owner)
	cmd.Stdout, cmd.Stderr = write, write
	p, err := launch(cmd)
	_ = write.Close() // the child has its own copy
	if err != nil {
		_ = read.Close()
		if errors.Is(err, syscall.EPERM) && s.home.owner.drop {
			return nil, fmt.Errorf("start Postgres as user %s: %w; this process is root but may not change users", s.home.owner.name, err)
		}
		return nil, fmt.Errorf("start Postgres: %w", err)
	}
	go func() { // ends when the last process of this Postgres has
		defer close(p.said)
		s.words.drain(read)
	}()
	return p, nil
}

// watch owns the server from its first start to its end, and starts Postgres again when it dies. ctx never ends.
func (s *Server) watch(ctx context.Context, p *process) {
	defer close(s.done)
	defer s.release()
	for {
		since := time.Now()
		select {
		case <-s.quit:
			s.end(p, grace)
			return
		case <-p.exited:
		}
		s.log.Warn("embedded postgres ended, starting it again", "pid", p.pid, "err", p.err, "uptime", time.Since(since))
		if p = s.revive(ctx); p == nil {
			return
		}
		s.log.Info("embedded postgres is back", "pid", p.pid)
	}
}

// revive brings Postgres back on the same port, patiently: a full disk or a taken port may clear. It returns nil when
// the server was told to stop, or with s.err set when there is nothing left to bring back.
func (s *Server) revive(ctx context.Context) *process {
	wait := 10 * time.Millisecond
	for {
		if s.home.major() == 0 {
			s.err = fmt.Errorf("start Postgres again: the cluster in %s is gone", s.home.dir)
			s.log.Error("embedded postgres cannot come back", "err", s.err)
			return nil
		}
		err := s.home.evict(ctx, s.options.Progress)
		if err == nil {
			var p *process
			if p, err = s.bringUp(ctx); err == nil {
				return p
			}
		}
		select {
		case <-s.quit:
			return nil
		case <-time.After(wait):
		}
		if wait = min(2*wait, 5*time.Second); wait > 500*time.Millisecond {
			s.log.Error("embedded postgres does not come back", "err", err, "retry_in", wait)
		}
	}
}

// grace is how long an orderly stop may take, when nobody is in more of a hurry. A walsender whose client does not read
// holds it up.
const grace = 30 * time.Second

// end stops a postmaster: in order, and with force once patience runs out or somebody is in a hurry.
func (s *Server) end(p *process, patience time.Duration) {
	_ = syscall.Kill(p.pid, syscall.SIGINT) // gone already: the waits below end at once
	select {
	case <-p.exited:
		return
	case <-s.hurry:
	case <-time.After(patience):
	}
	_ = syscall.Kill(p.pid, syscall.SIGQUIT)
	select {
	case <-p.exited:
		return
	case <-time.After(6 * time.Second): // a postmaster kills its children itself after 5 s
	}
	_ = syscall.Kill(p.pid, syscall.SIGKILL)
	<-p.exited
}
