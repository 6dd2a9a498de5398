package ratelimit

import (
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// ticks moves the registry on by n intervals.
func ticks(r *Registry, now *time.Time, n int) {
	for range n {
		*now = now.Add(Interval)
		r.Tick(*now)
	}
}

func TestRegistryKeepsOneMeterPerTenantAndKind(t *testing.T) {
	r := NewRegistry()
	a := r.Meter("a", Events, 100)
	if r.Meter("a", Events, 100) != a {
		t.Error("asking again gave another meter")
	}
	if r.Meter("b", Events, 100) == a || r.Meter("a", Joins, 100) == a {
		t.Error("another tenant or kind shares the meter")
	}
}

func TestRegistryTicksItsMeters(t *testing.T) {
	r, now := NewRegistry(), start
	r.Tick(now)
	m := r.Meter("a", Events, 100)
	m.Add(100)
	now = now.Add(3 * time.Second)
	r.Tick(now)
	if got := m.Average(); got != 0 {
		t.Errorf("after 3 s: Average() = %v, want 0", got)
	}
	now = now.Add(2*time.Second - 100*time.Millisecond) // a ticker may be early
	r.Tick(now)
	if got, want := m.Average(), 10.0; got != want {
		t.Errorf("after 4.9 s: Average() = %v, want %v", got, want)
	}
	now = now.Add(10 * time.Second) // or late
	r.Tick(now)
	if got, want := m.Average(), 5.0; got != want {
		t.Errorf("two intervals later: Average() = %v, want %v", got, want)
	}
}

func TestRegistryReportsEachCrossingOnce(t *testing.T) {
	r, now := NewRegistry(), start
	var got []Crossing
	r.OnCrossing(func(c Crossing) { got = append(got, c) })
	r.Tick(now)
	m := r.Meter("a", DBEvents, 10)
	m.Add(1200)
	ticks(r, &now, 20)
	want := []Crossing{
		{Tenant: "a", Kind: DBEvents, Limit: 10, Average: 120, Exceeded: true},
		{Tenant: "a", Kind: DBEvents, Limit: 10, Average: 0, Exceeded: false},
	}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("crossings (-got +want):\n%s", diff)
	}
}

func TestIdleMeterStartsAnew(t *testing.T) {
	r, now := NewRegistry(), start
	r.Tick(now)
	m := r.Meter("a", Joins, 10)
	ticks(r, &now, idleTicks)
	m.Add(100)
	ticks(r, &now, 1)
	if got, want := m.Average(), 10.0; got != want {
		t.Errorf("Average() = %v, want that of a new meter, %v", got, want)
	}
}

// A meter that somebody keeps is ticked for ever, so no limit is ever lifted by being idle.
func TestKeptMeterIsTickedAfterIdling(t *testing.T) {
	r, now := NewRegistry(), start
	r.Tick(now)
	m := r.Meter("a", Joins, 10)
	ticks(r, &now, 3*idleTicks)
	runtime.GC()
	m.Add(100)
	ticks(r, &now, 1)
	if !m.Exceeded(10) {
		t.Error("a kept meter is not ticked any more")
	}
	if r.Meter("a", Joins, 10) != m {
		t.Error("the registry made a second meter beside the kept one")
	}
	runtime.KeepAlive(m)
}

func TestIdleMetersAreDropped(t *testing.T) {
	r, now := NewRegistry(), start
	r.Tick(now)
	for i := range 100 {
		r.Meter(fmt.Sprint("tenant", i), Events, 10)
	}
	ticks(r, &now, idleTicks-1)
	runtime.GC()
	if got := len(r.meters); got != 100 {
		t.Fatalf("%d meters before five idle minutes, want 100", got)
	}
	ticks(r, &now, 1)
	for range 5 {
		runtime.GC()
	}
	ticks(r, &now, 1)
	if got := len(r.meters); got != 0 {
		t.Errorf("%d meters after five idle minutes, want 0", got)
	}
}

func TestLongSleepIsCaughtUpWith(t *testing.T) {
	r, now := NewRegistry(), start
	r.Tick(now)
	m := r.Meter("a", Events, 10)
	m.Add(1000)
	ticks(r, &now, 1)
	now = now.Add(24 * time.Hour)
	r.Tick(now)
	if m.Exceeded(1) {
		t.Error("yesterday's burst still counts")
	}
	m.Add(1000)
	ticks(r, &now, 1)
	if !m.Exceeded(10) {
		t.Error("not ticked any more after a long sleep")
	}
}

func TestRegistryInUseByManyGoroutines(t *testing.T) {
	r := NewRegistry()
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() { // ends by itself
			for i := range 200 {
				m := r.Meter(fmt.Sprint(i%5), Kind(g), 10+i%2)
				m.Add(1)
				r.Tick(start.Add(time.Duration(i) * Interval))
			}
		})
	}
	wg.Wait()
}
