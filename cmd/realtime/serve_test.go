package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"realtime/postgres"
	"realtime/postgres/pgtest"
	"realtime/tests/leaks"
)

// running is a command that goes on until it is told to stop.
type running struct {
	t       *testing.T
	out     leaks.Record
	errs    leaks.Record
	signals chan os.Signal
	code    chan int
}

// start runs one command line on its own goroutine, which ends with stop.
func start(t *testing.T, e env, terminal bool, args ...string) *running {
	t.Helper()
	r := &running{t: t, signals: make(chan os.Signal, 2), code: make(chan int, 1)}
	p := &process{
		stdout: &r.out, stderr: leaks.Watch(t, &r.errs), environ: e.environ, self: "realtime", terminal: terminal,
		signals: r.signals, exit: func(code int) { t.Errorf("exit %d at once", code) },
	}
	go func() { r.code <- run(context.WithoutCancel(t.Context()), p, args) }() // ends with stop
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("%v printed:\n%s%s", args, r.out.String(), r.errs.String())
		}
	})
	return r
}

// see waits until the command has printed text.
func (r *running) see(text string) {
	r.t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) { //nolint:forbidigo // watches another goroutine's output
		if strings.Contains(r.out.String()+r.errs.String(), text) {
			return
		}
		if time.Now().After(deadline) || len(r.code) > 0 {
			r.t.Fatalf("%q was not printed", text)
		}
	}
}

// stop asks the command to end and returns its exit code.
func (r *running) stop() int {
	r.t.Helper()
	r.signals <- syscall.SIGTERM
	select {
	case code := <-r.code:
		return code
	case <-time.After(time.Minute):
		r.t.Fatal("the command does not stop")
		return -1
	}
}

func freePort(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", ":0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return fmt.Sprint(l.Addr().(*net.TCPAddr).Port)
}

// openDir is a folder that the account which Postgres runs under may pass.
func openDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "realtime-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestAServerFromNothing is the first minute of a new user: no configuration but
// a folder, and a second start on the same folder.
func TestAServerFromNothing(t *testing.T) {
	d := dataDir(openDir(t))
	port := freePort(t)
	e := env{"REALTIME_DATA_DIR": string(d), "PORT": port}
	s := start(t, e, true, "serve")
	s.see("realtime is ready at http://localhost:" + port)
	for _, text := range []string{"making a new Postgres", "realtime-dev", "realtime token", "realtime db url", "/inspector/new", string(d)} {
		if !strings.Contains(s.out.String(), text) {
			t.Errorf("the welcome does not say %q", text)
		}
	}
	url := command(t, e, "db", "url")
	db, err := postgres.ParseURL(strings.TrimSpace(url.stdout))
	if url.code != 0 || err != nil {
		t.Fatalf("db url: got %+v, %v", url, err)
	}
	token := command(t, e, "token", "--role", "authenticated")
	if token.code != 0 {
		t.Fatalf("token: got %+v", token)
	}

	pgtest.Exec(t, db, "create table notes (id int primary key, text text)", "alter publication supabase_realtime add table notes",
		"grant select on notes to anon")
	sub := start(t, e, false, "sub", "room", "--presence", "ada", "--changes", "notes", "--count", "4")
	sub.see("presence join ada {}")
	pub := command(t, e, "pub", "room", "shout", `{"hello":"world"}`)
	if pub.code != 0 || !strings.Contains(pub.stdout, "sent shout to realtime:room") {
		t.Errorf("pub: got %+v", pub)
	}
	sub.see(`broadcast shout {"hello":"world"}`)
	pgtest.Exec(t, db, "insert into notes values (1, 'buy milk')")
	sub.see(`INSERT public.notes {"id":1,"text":"buy milk"}`)
	if code := <-sub.code; code != 0 {
		t.Errorf("sub --count: got exit code %d", code)
	}

	refused(t, env{"REALTIME_DATA_DIR": string(d), "PORT": port}, "port "+port, fmt.Sprintf("process id %d", os.Getpid()), "PORT=")
	refused(t, env{"REALTIME_DATA_DIR": string(d), "PORT": freePort(t)}, "in use by another realtime", "http://localhost:"+port, "REALTIME_DATA_DIR=")

	if code := s.stop(); code != 0 {
		t.Errorf("stop: got exit code %d", code)
	}
	if o := command(t, e, "db", "url"); o.code != exitFailed || !strings.Contains(o.stderr, "no server runs") {
		t.Errorf("after the stop: db url got %+v", o)
	}

	again := start(t, e, false, "serve")
	again.see("realtime is ready")
	if strings.Contains(again.errs.String(), "making a new Postgres") {
		t.Error("the second start made a new database")
	}
	conn := pgtest.Conn(t, db) // the same port and password as before
	var n int
	if err := conn.QueryRow(t.Context(), "select count(*) from notes").Scan(&n); err != nil || n != 1 {
		t.Errorf("after a restart: got %d rows, %v", n, err)
	}
	conn.Close(t.Context())
	if o := command(t, e, "pub", "--token", strings.TrimSpace(token.stdout), "room", "shout"); o.code != 0 {
		t.Errorf("the old token is refused after a restart: %+v", o)
	}
	if code := again.stop(); code != 0 {
		t.Errorf("second stop: got exit code %d", code)
	}
}

// refused starts a server that must not start, and looks for words in what it says.
func refused(t *testing.T, e env, words ...string) {
	t.Helper()
	o := command(t, e, "serve")
	if o.code != exitFailed {
		t.Errorf("a second server: got exit code %d", o.code)
	}
	for _, w := range words {
		if !strings.Contains(o.stderr, w) {
			t.Errorf("the refusal does not say %q:\n%s", w, o.stderr)
		}
	}
}

// TestAServerOnAGivenDatabase is the original's container: variables, and no
// data directory.
func TestAServerOnAGivenDatabase(t *testing.T) {
	db := pgtest.DB(t)
	e := env{
		"PORT": freePort(t), "DB_HOST": db.Host, "DB_PORT": fmt.Sprint(db.Port), "DB_USER": db.User, "DB_PASSWORD": db.Password.Reveal(),
		"DB_NAME": db.Database, "DB_ENC_KEY": "supabaserealtime", "API_JWT_SECRET": strings.Repeat("s", 40), "SEED_SELF_HOST": "true",
		"SELF_HOST_TENANT_NAME": "acme", "REALTIME_DATA_DIR": t.TempDir() + "/never-made",
	}
	s := start(t, e, false, "serve")
	s.see("realtime is ready")
	s.see(`ALTER PUBLICATION \"supabase_realtime\" ADD TABLE`) // what the database lacks is said with what mends it
	if o := command(t, e, "pub", "room", "shout", "{}"); o.code != 0 {
		t.Errorf("pub: got %+v", o)
	}
	stored := command(t, e, "token", "--tenant", "acme")
	if stored.code != 0 {
		t.Errorf("token --tenant: got %+v", stored)
	}
	if o := command(t, e, "token", "--tenant", "nobody"); o.code != exitFailed || !strings.Contains(o.stderr, `"nobody"`) {
		t.Errorf("token for a tenant that is not there: got %+v", o)
	}
	if code := s.stop(); code != 0 {
		t.Errorf("stop: got exit code %d", code)
	}
	delete(e, "API_JWT_SECRET") // the stored secret stays, and is the one to sign with
	s = start(t, e, false, "serve")
	s.see("realtime is ready")
	if o := command(t, e, "pub", "room", "shout", "{}"); o.code != 0 {
		t.Errorf("pub without API_JWT_SECRET: got %+v", o)
	}
	if strings.Contains(s.errs.String(), "the tenant gets upstream's secret") {
		t.Error("the stored secret was replaced by upstream's public one")
	}
	s.stop()
	if _, err := os.Stat(e["REALTIME_DATA_DIR"]); err == nil {
		t.Error("a data directory was made although DB_HOST is set")
	}
}

func TestAStartThatFailsSaysWhatToDo(t *testing.T) {
	for name, c := range map[string]struct {
		e     env
		words []string
	}{
		"no such database": {
			env{"DB_HOST": "127.0.0.1", "DB_PORT": freePort(t), "DB_ENC_KEY": "supabaserealtime"},
			[]string{"open the tenant rows", "DB_PORT="},
		},
		"no programs":            {env{"REALTIME_PG_BIN": "/does/not/exist", "REALTIME_DATA_DIR": openDir(t)}, []string{"embedded database", "/does/not/exist", "install"}},
		"no right to the folder": {env{"REALTIME_DATA_DIR": "/dev/null/data"}, []string{"make the data directory", "REALTIME_DATA_DIR="}},
	} {
		t.Run(name, func(t *testing.T) {
			c.e["PORT"] = freePort(t)
			o := command(t, c.e, "serve")
			if o.code != exitFailed || o.stdout != "" {
				t.Errorf("got %+v", o)
			}
			for _, w := range c.words {
				if !strings.Contains(o.stderr, w) {
					t.Errorf("it does not say %q:\n%s", w, o.stderr)
				}
			}
		})
	}
}

// TestTheSecondSignalEndsAtOnce: somebody presses Ctrl-C again.
func TestTheSecondSignalEndsAtOnce(t *testing.T) {
	signals := make(chan os.Signal, 2)
	exited := make(chan int, 1)
	s := &server{p: &process{signals: signals, exit: func(code int) { exited <- code }}}
	ctx, cancel := context.WithCancelCause(t.Context())
	over := make(chan struct{})
	defer close(over)
	go s.watchSignals(cancel, over) // ends after the second signal
	signals <- syscall.SIGINT
	<-ctx.Done()
	if cause := context.Cause(ctx); !errors.Is(cause, errStopped) {
		t.Errorf("the first signal: got %v", cause)
	}
	signals <- syscall.SIGINT
	if code := <-exited; code != 130 {
		t.Errorf("the second signal: got exit code %d, want 130", code)
	}
}
