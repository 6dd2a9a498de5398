package embedded_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"realtime/postgres/embedded"
	"realtime/tests/leaks"
)

func TestKilledPostgresComesBack(t *testing.T) {
	dir := dataDir(t)
	s := start(t, embedded.Options{DataDir: dir, Log: slog.New(slog.NewTextHandler(leaks.Watch(t, t.Output()), nil))})
	want(t, s.URL(), "create table kept as select 42 as x; select x from kept", "42")
	for range 3 {
		pid := postmaster(dir)
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		eventually(t, "a new postmaster answers on the same address", func() bool {
			got, err := ask(t.Context(), s.URL(), "select x from kept")
			return err == nil && got == "42" && postmaster(dir) != pid
		})
		t.Logf("back after %v", time.Since(began))
	}
}

func TestKilledPostgresWithBusyBackendComesBack(t *testing.T) {
	dir := dataDir(t)
	s := start(t, embedded.Options{DataDir: dir})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	busy := make(chan error, 1)
	go func() { // ends when its backend is killed
		// A loop in C that looks at no interrupt and so does not notice that its postmaster is gone.
		_, err := ask(ctx, s.URL(), "select count(*) from generate_series(1, 2000000000) g")
		busy <- err
	}()
	eventually(t, "the statement runs", func() bool {
		got, err := ask(ctx, s.URL(), "select count(*)::text from pg_stat_activity where query like '%2000000000%' and state = 'active' and pid <> pg_backend_pid()")
		return err == nil && got == "1"
	})
	if err := syscall.Kill(postmaster(dir), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	eventually(t, "Postgres is back", func() bool {
		_, err := ask(ctx, s.URL(), "select 1")
		return err == nil
	})
	t.Logf("back after %v", time.Since(began))
	if err := <-busy; err == nil {
		t.Error("the statement ended well")
	}
}

func TestLostClusterEndsTheServer(t *testing.T) {
	dir := dataDir(t)
	s, err := embedded.Start(limited(t), embedded.Options{DataDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	pid := postmaster(dir)
	if err := os.Rename(filepath.Join(dir, "data"), filepath.Join(dir, "data.init")); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	select {
	case <-s.Done():
	case <-time.After(30 * time.Second):
		t.Fatal("it goes on trying")
	}
	if err := s.Err(); err == nil || !strings.Contains(err.Error(), "is gone") {
		t.Errorf("got %v", err)
	}
	if err := s.Stop(limited(t)); err == nil {
		t.Error("Stop does not say that it was gone before")
	}
}

func TestKilledOwnerTakesPostgresWithIt(t *testing.T) {
	dir := dataDir(t)
	o := startOwner(t, dir, nil)
	want(t, o.url, "create table kept as select 42 as x; select x from kept", "42")
	o.kill()
	// At once, while the old one may still be on its way down.
	began := time.Now()
	s := start(t, embedded.Options{DataDir: dir})
	t.Logf("taken over after %v", time.Since(began))
	want(t, s.URL(), "select x from kept", "42")
	if s.URL() != o.url {
		t.Errorf("the address changed from %s to %s", o.url, s.URL())
	}
	stop(t, s)
	if n := serverProcesses(dir); n != 0 {
		t.Errorf("%d processes live on", n)
	}

	o = startOwner(t, dir, nil)
	o.kill()
	eventually(t, "no process is left, though nobody started a new one", func() bool { return serverProcesses(dir) == 0 })
}

func TestEverythingKilledRecovers(t *testing.T) {
	dir := dataDir(t)
	o := startOwner(t, dir, nil)
	want(t, o.url, "create table kept as select 42 as x; select x from kept", "42")
	// The postmaster first: after its owner it would be gone in good order.
	if err := syscall.Kill(o.cmd.Process.Pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(postmaster(dir), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	o.kill()
	began := time.Now()
	s := start(t, embedded.Options{DataDir: dir})
	t.Logf("recovered after %v", time.Since(began))
	want(t, s.URL(), "select x from kept", "42")
}

func TestStalePIDFileOfALivingStranger(t *testing.T) {
	dir := dataDir(t)
	// In a container the number of a dead postmaster soon belongs to another process of the same user.
	stranger := exec.Command("sleep", "60")
	if id := credential(t, "postgres"); os.Getuid() == 0 {
		stranger.SysProcAttr = &syscall.SysProcAttr{Credential: id}
	}
	if err := stranger.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = stranger.Process.Kill()
		_ = stranger.Wait()
	}()
	text := strconv.Itoa(stranger.Process.Pid) + "\n" + filepath.Join(dir, "data") + "\n1700000000\n5432\n" + dir + "\n127.0.0.1\n  1234567  7\nready   \n"
	if err := os.WriteFile(filepath.Join(dir, "data", "postmaster.pid"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	want(t, start(t, embedded.Options{DataDir: dir}).URL(), "select 1", "1")
}

// byHand starts a postmaster on a data directory's cluster as a person would, with extra arguments.
func byHand(t *testing.T, dir string, args ...string) *exec.Cmd {
	t.Helper()
	bins, _ := filepath.Glob("/usr/lib/postgresql/*/bin/postgres")
	if p, err := exec.LookPath("postgres"); err == nil {
		bins = append(bins, p)
	}
	if len(bins) == 0 {
		t.Fatal("no postgres binary in the usual places")
	}
	cluster := filepath.Join(dir, "data")
	cmd := exec.Command(bins[len(bins)-1], append([]string{"-D", cluster, "-c", "listen_addresses=", "-c", "unix_socket_directories=" + dir}, args...)...)
	cmd.Dir = "/"
	if st, err := os.Stat(cluster); err != nil {
		t.Fatal(err)
	} else if id, ok := st.Sys().(*syscall.Stat_t); ok && os.Getuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: id.Uid, Gid: id.Gid}}
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	eventually(t, "the postmaster is ready", func() bool {
		b, _ := os.ReadFile(filepath.Join(cluster, "postmaster.pid"))
		return strings.Contains(string(b), "\nready")
	})
	return cmd
}

func TestLeftoverPostgresIsStopped(t *testing.T) {
	dir := dataDir(t)
	old := byHand(t, dir, "-c", "cluster_name=realtime-embedded") // what a kill leaves where no signal follows the owner's death
	ended := make(chan error, 1)
	go func() { ended <- old.Wait() }() // ends with the process
	s := start(t, embedded.Options{DataDir: dir})
	want(t, s.URL(), "select 1", "1")
	select {
	case err := <-ended:
		if err != nil {
			t.Errorf("it did not end in order: %v", err)
		}
	case <-time.After(10 * time.Second):
		t.Error("it lives on")
	}
}

func TestPostgresStartedByHandIsLeftAlone(t *testing.T) {
	dir := dataDir(t)
	cmd := byHand(t, dir)
	err := refused(t, embedded.Options{DataDir: dir})
	if !errors.Is(err, embedded.ErrInUse) {
		t.Fatalf("got %v", err)
	}
	mentions(t, err, strconv.Itoa(cmd.Process.Pid), "by hand")
	if postmaster(dir) != cmd.Process.Pid {
		t.Error("it is gone")
	}
}

// credential is another user's, nil if there is no such user or we may not become it.
func credential(t *testing.T, name string) *syscall.Credential {
	t.Helper()
	u, err := user.Lookup(name)
	if err != nil {
		return nil
	}
	uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
	gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
}
