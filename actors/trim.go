package actors

import "runtime/debug"

// trimChange is from how many connections more or less on memory is given back.
const trimChange = 1000

// trimmer decides when to give memory back to the system: once a crowd has come or gone. The handshakes of a crowd leave as much
// garbage as the connections weigh, and a server that is idle then would keep it for minutes. It belongs to the sweep.
type trimmer struct {
	last int // connections at the last sweep
	done int // connections when memory was given back
}

// due reports whether the number of connections has changed since the last time, and does not change any more.
func (t *trimmer) due(open int) bool {
	moved := max(open-t.last, t.last-open)
	t.last = open
	if moved > open/100 || max(open-t.done, t.done-open) < trimChange {
		return false
	}
	t.done = open
	return true
}

// trim gives memory back if it is time.
func (s *System) trim(t *trimmer) {
	if t.due(s.Connections()) {
		go debug.FreeOSMemory() // ends by itself, after one garbage collection
	}
}
