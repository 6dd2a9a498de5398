package actors

import "realtime/protocol"

// Messages of a Presence, all from its Channel; what comes of them goes back to it as shown.
type (
	// enter: m asked for presence and is shown the state.
	enter struct{ m *member }

	// track: m's meta is payload from now on; everybody is shown the diff, m gets its reply.
	track struct {
		m       *member
		key     string
		payload []byte
		ref     protocol.Ref
	}

	// untrack: m has no meta any more, and gets its reply.
	untrack struct {
		m   *member
		ref protocol.Ref
	}

	// drop: m is no member any more.
	drop struct{ m *member }
)
