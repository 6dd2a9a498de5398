package leaks

import (
	"bytes"
	"sync"
)

// Record keeps what is written to it for a test to look at. Its zero value is empty. All of it is safe for concurrent use.
type Record struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write appends p.
func (r *Record) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.Write(p)
}

// String is everything that was written.
func (r *Record) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.String()
}
