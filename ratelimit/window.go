package ratelimit

import (
	"sync"
	"time"
)

// Window lets n things happen per span. The span opens with the first of them, is the same for all in it, and the next
// one opens with the first thing after it. Any goroutine may use it.
type Window struct {
	n    int
	span time.Duration

	mu   sync.Mutex
	ends time.Time // of the open span; zero before the first
	used int
}

// NewWindow returns a window that nothing has happened in. With n below 1 nothing ever may.
func NewWindow(n int, span time.Duration) *Window { return &Window{n: n, span: span} }

// Take counts one thing at now, unless n have happened in this span: then it returns false and counts nothing.
func (w *Window) Take(now time.Time) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !now.Before(w.ends) {
		w.ends, w.used = now.Add(w.span), 0
	}
	if w.used >= w.n {
		return false
	}
	w.used++
	return true
}

// Reset is how long it takes until the open span ends.
func (w *Window) Reset(now time.Time) time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	return max(w.ends.Sub(now), 0)
}
