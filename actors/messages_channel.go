package actors

import (
	"realtime/postgres/authz"
	"realtime/postgres/changes"
	"realtime/protocol"
	"realtime/protocol/codes"
)

// Messages of a Channel.
type (
	// joinChannel comes from the Tenant; it ends in admitted or refused to the member's Socket.
	joinChannel struct{ m *member }

	// live comes from the CDC: a member's subscription to changes is live, or why not.
	live struct {
		m      *member
		answer changes.Answer
		missed bool // changes from before are missing
	}

	// publish comes from a Reader or the Tenant: fan the message out. from is nil for what the server bore.
	publish struct {
		from     *member
		version  protocol.Version // of frame
		frame    []byte           // complete frame for version; nil if it cannot reach it
		b        protocol.Broadcast
		ref      protocol.Ref // to acknowledge, if from wants that
		size     int          // bytes of the payload as received
		oversize bool
		fault    *codes.Fault      // the message itself is no good
		persist  *protocol.Persist // its sender wants it stored
	}

	// push comes from a Reader or a Socket: presence, access_token, or an event nobody knows.
	push struct {
		from    *member
		event   string
		payload []byte
		ref     protocol.Ref
	}

	// rows comes from the changes feed: changes for members of this Channel, in commit order.
	rows struct{ list []changes.Delivery }

	// notice comes from the CDC: something one subscriber must be told about its changes.
	notice struct {
		m    *member
		text string
	}

	// found comes home from an errand: the stored messages a join asked for.
	found struct {
		m    *member
		list []protocol.Broadcast
		seen []string // of the messages kept for it those that the table has
		err  error
	}

	// stored comes home from an errand: what it took is in the table but for those with an error; nil: all are.
	stored struct{ errs []error }

	// established comes from the CDC: rows that commit from now on are broadcast.
	established struct {
		m   *member
		run int64
	}

	// shown comes from Presence: a state for one member, or a diff for all, and the reply it belongs with.
	shown struct {
		to      *member // nil: everybody
		event   string
		payload []byte
		reply   *member // whose push is answered
		ref     protocol.Ref
		quiet   bool // nothing to show, only to answer
	}

	// leave comes from a Socket: the member leaves, or its connection is gone or joins anew.
	leave struct {
		m     *member
		ref   protocol.Ref
		reply bool // a phx_leave: answer it and close
	}

	// tick comes from the Channel's timer: some deadline has passed.
	tick struct{}

	// flushDue comes from the timer of a Channel that gathers: the gap after its last flush is over.
	flushDue struct{}

	// permitted comes home from an errand: what the policies grant a member, or why they could not be asked.
	permitted struct {
		m      *member
		asked  int  // which of the member's questions
		again  bool // the policies changed, not the token
		grants *authz.Grants
		err    error
	}

	// policies comes from the Tenant of a private Channel: the name of the policies there are now.
	policies struct{ name string }

	// remote comes from the bus: a batch another node has fanned out to its own members.
	remote struct{ batch []byte }

	// feedReset comes from the Tenant: the CDC is a new one, subscribe again.
	feedReset struct{ cdc *post }
)
