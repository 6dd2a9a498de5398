package actors

import (
	"realtime/protocol"
	"realtime/protocol/codes"
)

// Messages of a Socket, in order of life.
type (
	// frame comes from the Reader: a join, a leave, or a push for a topic that is not open. The Socket acts on it,
	// holds it while its topic is joining, or answers protocol.ReasonUnmatchedTopic.
	frame struct{ m *protocol.Message }

	// admitted comes from a Channel when the reply to the join is sent: pushes may go to it from now on.
	admitted struct {
		m       *member
		channel *post
	}

	// refused comes from Tenant or Channel: the join failed. The Socket answers after the pause.
	refused struct {
		m      *member
		fault  *codes.Fault
		reason string // as the client hears it
	}

	// left comes from a Channel when it has let the member go; whatever the client had to hear of it is sent.
	leftTopic struct{ m *member }

	// answered comes from the Socket's own timer: a refusal's pause is over.
	answered struct{ r *refused }

	// dismiss comes from the Tenant: an administrator wants the connection closed.
	dismiss struct{}

	// gone comes from the Reader: the connection is closed.
	gone struct{}
)
