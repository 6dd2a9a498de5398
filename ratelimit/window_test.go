package ratelimit

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

var start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func TestWindowOpensWithTheFirstCall(t *testing.T) {
	w := NewWindow(5, 30*time.Second)
	for _, step := range []struct {
		after time.Duration
		want  bool
	}{
		{0, true},
		{29 * time.Second, true},
		{29 * time.Second, true},
		{29 * time.Second, true},
		{29 * time.Second, true},
		{29*time.Second + 999*time.Millisecond, false},
		{30 * time.Second, true}, // a new span, until 60
		{31 * time.Second, true},
		{31 * time.Second, true},
		{31 * time.Second, true},
		{59 * time.Second, true},
		{59 * time.Second, false},
		{59*time.Second + 999*time.Millisecond, false},
		{100 * time.Second, true}, // and another, until 130
		{129 * time.Second, true},
	} {
		if got := w.Take(start.Add(step.after)); got != step.want {
			t.Errorf("Take after %v = %v, want %v", step.after, got, step.want)
		}
	}
}

func TestWindowOfNothing(t *testing.T) {
	for _, n := range []int{0, -1} {
		if NewWindow(n, time.Second).Take(start) {
			t.Errorf("a window of %d let something through", n)
		}
	}
}

func TestWindowIsExactForManyGoroutines(t *testing.T) {
	w := NewWindow(50, time.Minute)
	var taken atomic.Int64
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() { // ends by itself
			for range 100 {
				if w.Take(start) {
					taken.Add(1)
				}
			}
		})
	}
	wg.Wait()
	if got := taken.Load(); got != 50 {
		t.Errorf("%d taken, want 50", got)
	}
}
