package bench

import (
	"context"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

func TestYardsticksMoveTheSameLoad(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the yardsticks")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	dir := t.TempDir()
	for _, build := range [][]string{
		{"cc", "-O2", "-o", filepath.Join(dir, "floor"), "floor/floor.c"},
		{"go", "build", "-o", filepath.Join(dir, "nats-peer"), "./floor/nats"},
	} {
		if out, err := exec.CommandContext(ctx, build[0], build[1:]...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", build, err, out)
		}
	}
	for name := range peers {
		t.Run(name, func(t *testing.T) {
			s, err := SpawnPeer(ctx, name, dir)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			for _, o := range []Options{{Outstanding: 16}, {Rate: 300}, {Payload: 50_000, Outstanding: 2}} {
				o.Scenario, o.Subscribers, o.Warmup, o.Duration = "fanout", 20, 20*time.Millisecond, 200*time.Millisecond
				r, err := Run(ctx, o, s.Target)
				if err != nil {
					t.Fatal(err)
				}
				if !r.Check.Clean() {
					t.Errorf("%+v: got %+v, want every message once and in order", o, r.Check)
				}
				positive(t, r, "deliveries_per_second", "latency_p50")
			}
			if _, err := Run(ctx, Options{Scenario: "conns"}, s.Target); err == nil {
				t.Error("conns on a yardstick: got no error")
			}
		})
	}
}
