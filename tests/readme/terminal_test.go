package readme

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// terminal is a bash with a screen. The shared shell and every background block
// are one each.
type terminal struct {
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	screen screen
	blocks int           // typed so far
	ended  chan struct{} // closed when bash has ended
}

// opened starts a bash in dir.
func opened(dir string, env []string) (*terminal, error) {
	term := &terminal{ended: make(chan struct{})}
	cmd := exec.Command("bash", "--noprofile", "--norc", "-e")
	cmd.Dir, cmd.Env = dir, env
	cmd.Stdout, cmd.Stderr = &term.screen, &term.screen
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // so that close reaches what it started
	cmd.WaitDelay = time.Second
	var err error
	if term.stdin, err = cmd.StdinPipe(); err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	term.cmd = cmd
	go func() { // ends with bash
		_ = cmd.Wait() // typing notices
		close(term.ended)
	}()
	return term, nil
}

// start types a block and does not wait for it.
func (t *terminal) start(text string, scratch string) error {
	t.blocks++
	file := filepath.Join(scratch, fmt.Sprintf("%d-%d.sh", t.cmd.Process.Pid, t.blocks))
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		return err
	}
	// Sourced, so that variables stay; with no input, so that no command eats the next block.
	_, err := fmt.Fprintf(t.stdin, ". %s </dev/null\necho; echo %s\n", file, t.mark())
	return err
}

// mark is printed when the latest block has ended well.
func (t *terminal) mark() string { return fmt.Sprintf("--block %d ended--", t.blocks) }

// run types a block, waits until it has ended and returns what it printed.
func (t *terminal) run(text, scratch string, patience time.Duration) (string, error) {
	from := t.screen.len()
	if err := t.start(text, scratch); err != nil {
		return "", err
	}
	mark := []byte("\n" + t.mark() + "\n")
	if t.wait(patience, func() bool { return bytes.Contains(t.screen.since(from), mark) }) {
		return string(bytes.Replace(t.screen.since(from), mark, nil, 1)), nil
	}
	select {
	case <-t.ended:
		return string(t.screen.since(from)), fmt.Errorf("a command failed: %s", t.cmd.ProcessState)
	default:
		return string(t.screen.since(from)), fmt.Errorf("not done after %s", patience)
	}
}

// wait polls until done says so, and gives up after patience or soon after bash has ended.
func (t *terminal) wait(patience time.Duration, done func() bool) bool {
	deadline := time.After(patience)
	for {
		if done() {
			return true
		}
		select {
		case <-t.ended:
			return done()
		case <-deadline:
			return done()
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// close ends bash and all that it started: politely, then not.
func (t *terminal) close() {
	t.stdin.Close()
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		_ = syscall.Kill(-t.cmd.Process.Pid, signal) // an error means that nobody is left
		select {
		case <-t.ended:
			return
		case <-time.After(15 * time.Second):
		}
	}
}

// screen is all that was printed. Safe for several goroutines.
type screen struct {
	mu  sync.Mutex
	buf []byte
}

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.buf = append(s.buf, p...)
	return len(p), nil
}

func (s *screen) len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.buf)
}

// since returns a copy of what was printed after the first n bytes.
func (s *screen) since(n int) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return bytes.Clone(s.buf[n:])
}
