package actors

import (
	"realtime/postgres/changes"
	"realtime/postgres/wal"
)

// Messages of the CDC actor and its changes feed.
type (
	// subscribe comes from a Channel: this member wants changes, with these claims; answered by live. It replaces an
	// earlier subscription of the member.
	subscribe struct{ sub changes.Subscription }

	// unsubscribe comes from a Channel.
	unsubscribe struct{ m *member }

	// answer comes from the Engine.
	answer struct{ a changes.Answer }

	// feedUp comes from the feed: it streams; subscribe everybody.
	feedUp struct{}

	// feedDown comes from the feed: it lost its place, and will come back by itself.
	feedDown struct{ err error }

	// feedNotice comes from the Engine: one subscriber must be told something.
	feedNotice struct {
		m    *member
		text string
	}

	// opened comes home from the feed's errand.
	opened struct {
		stream *wal.Stream
		engine *changes.Engine
		err    error
	}

	// halted comes from the feed's goroutine: the run is over, and why.
	halted struct{ err error }

	// retry comes from the feed's timer: start anew.
	retry struct{}

	// unused comes from the CDC's timer: look whether the feed is still needed.
	unused struct{}
)
