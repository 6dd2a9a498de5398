package wal

import (
	"sync"
	"time"
)

// trail keeps confirmations back for a while, so that after a crash of ours the server still has what was routed last.
// Safe for concurrent use.
type trail struct {
	late  time.Duration
	bytes LSN // 0: no bound

	mu    sync.Mutex
	marks []mark // ascending
}

// mark is a position that was dealt with at a time.
type mark struct {
	lsn LSN
	at  time.Time
}

// grain is the least time between two marks: positions in between share one.
const grain = 100 * time.Millisecond

// hold says how long, and how much log, positions are kept back. Before the first is added.
func (t *trail) hold(late time.Duration, bytes int64) { t.late, t.bytes = late, LSN(bytes) }

func (t *trail) add(l LSN, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if n := len(t.marks); n > 0 && now.Sub(t.marks[n-1].at) < grain {
		t.marks[n-1].lsn = max(l, t.marks[n-1].lsn)
		return
	}
	t.marks = append(t.marks, mark{l, now})
}

// due returns the last position that need not be kept back any longer, 0 if there is none.
func (t *trail) due(now time.Time) LSN {
	t.mu.Lock()
	defer t.mu.Unlock()
	var due LSN
	for len(t.marks) > 0 {
		m, last := t.marks[0], t.marks[len(t.marks)-1]
		if now.Sub(m.at) < t.late && (t.bytes == 0 || last.lsn-m.lsn < t.bytes) {
			break
		}
		due, t.marks = m.lsn, t.marks[1:]
	}
	return due
}

// all returns the last position and forgets everything, 0 if there is nothing.
func (t *trail) all() LSN {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.marks) == 0 {
		return 0
	}
	l := t.marks[len(t.marks)-1].lsn
	t.marks = nil
	return l
}
