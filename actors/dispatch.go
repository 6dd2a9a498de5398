package actors

import "runtime"

// dispatcher runs each actor's messages on a goroutine of its own, as the library's does, but on one whose stack has room.
type dispatcher struct{}

// throughput is after how many messages an actor lets others run; the library's default.
const throughput = 300

// Schedule implements actor.Dispatcher.
func (dispatcher) Schedule(run func()) { go roomily(run) } // ends when the mailbox is empty

// Throughput implements actor.Dispatcher.
func (dispatcher) Throughput() int { return throughput }

func roomily(run func()) {
	GrowStack()
	run()
}

// GrowStack makes the calling goroutine's stack 8 KiB large in one step, while there is hardly anything on it to copy. A goroutine begins
// with 2 KiB, and each time that is not enough doubles it and walks everything that is on it: a fifth of what connecting and joining
// cost. Call it near the goroutine's beginning, and not on one that then waits for a peer: it would hold the room all the while.
//
//go:noinline
func GrowStack() {
	var room [5 << 10]byte
	runtime.KeepAlive(&room)
}
