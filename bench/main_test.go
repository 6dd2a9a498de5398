package bench

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// house is the server that the smoke tests share: the real program, as a process of its own.
var house struct {
	once    sync.Once
	s       *Spawned
	err     error
	dir     string
	program string
}

func TestMain(m *testing.M) {
	code := m.Run()
	if house.s != nil {
		if err := house.s.Close(); err != nil {
			fmt.Fprintln(os.Stderr, "stop the server:", err)
			code = 1
		}
	}
	os.RemoveAll(house.dir)
	if err := goleak.Find(goleak.IgnoreAnyFunction("net/http.(*persistConn).readLoop"), goleak.IgnoreAnyFunction("net/http.(*persistConn).writeLoop")); code == 0 && err != nil {
		fmt.Fprintln(os.Stderr, "goroutines left at the end of all tests:", err)
		code = 1
	}
	os.Exit(code)
}

// spawned builds the program and starts it, once.
func spawned(t *testing.T) *Target {
	t.Helper()
	if testing.Short() {
		t.Skip("starts a server and its database")
	}
	house.once.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
		defer cancel()
		if house.dir, house.err = os.MkdirTemp("", "realtime-bench-test-"); house.err != nil {
			return
		}
		house.program = filepath.Join(house.dir, "realtime")
		if out, err := exec.CommandContext(ctx, "go", "build", "-o", house.program, "realtime/cmd/realtime").CombinedOutput(); err != nil {
			house.err = fmt.Errorf("build the server: %w\n%s", err, out)
			return
		}
		house.s, house.err = Spawn(ctx, house.program)
	})
	if house.err != nil {
		t.Fatal(house.err)
	}
	return house.s.Target
}

// smoke runs a scenario with tiny numbers and expects that everything arrived.
func smoke(t *testing.T, o Options) *Result {
	t.Helper()
	target := spawned(t)
	o.Program = house.program
	if o.Warmup == 0 {
		o.Warmup = 50 * time.Millisecond
	}
	if o.Duration == 0 {
		o.Duration = 600 * time.Millisecond
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	r, err := Run(ctx, o, target)
	if err != nil {
		t.Fatal(err)
	}
	if !r.Check.Clean() {
		t.Errorf("got %+v, want every message once and in order; it ended because %s", r.Check, r.Stopped)
	}
	return r
}

// positive wants these figures above zero.
func positive(t *testing.T, r *Result, names ...string) {
	t.Helper()
	for _, name := range names {
		if v, ok := r.Value(name); !ok || v <= 0 {
			t.Errorf("%s: got %v (there: %v), want more than zero", name, v, ok)
		}
	}
}
