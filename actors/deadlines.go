package actors

import (
	"container/heap"
	"time"
)

// deadline is a member's place in the heap of a Channel: when its token is to be verified again or, while it joins,
// when the wait for its changes is over.
type deadline struct {
	at    time.Time
	index int // place in the heap; meaningless while set is false
	set   bool
}

// deadlines are the members of a Channel by when something falls due: one timer for all of them.
type deadlines []*member

func (d *deadlines) set(m *member, at time.Time) {
	m.due.at = at
	if m.due.set {
		heap.Fix(d, m.due.index)
		return
	}
	m.due.set = true
	heap.Push(d, m)
}

func (d *deadlines) drop(m *member) {
	if m.due.set {
		heap.Remove(d, m.due.index)
	}
}

// next is the earliest deadline.
func (d *deadlines) next() (time.Time, bool) {
	if len(*d) == 0 {
		return time.Time{}, false
	}
	return (*d)[0].due.at, true
}

// pop takes out one member that is due at now.
func (d *deadlines) pop(now time.Time) *member {
	if len(*d) == 0 || (*d)[0].due.at.After(now) {
		return nil
	}
	return heap.Pop(d).(*member)
}

// Len, Less, Swap, Push and Pop implement heap.Interface.
func (d *deadlines) Len() int           { return len(*d) }
func (d *deadlines) Less(i, j int) bool { return (*d)[i].due.at.Before((*d)[j].due.at) }
func (d *deadlines) Swap(i, j int) {
	l := *d
	l[i], l[j] = l[j], l[i]
	l[i].due.index, l[j].due.index = i, j
}

// Push implements heap.Interface.
func (d *deadlines) Push(x any) {
	m := x.(*member)
	m.due.index = len(*d)
	*d = append(*d, m)
}

// Pop implements heap.Interface.
func (d *deadlines) Pop() any {
	old := *d
	m := old[len(old)-1]
	old[len(old)-1] = nil
	*d = old[:len(old)-1]
	m.due.set = false
	return m
}
