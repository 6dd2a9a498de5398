package actors

// Bus carries what a Channel fans out to the Channels of the same room on other nodes. It knows names and bytes
// only. Implementations queue, bounded, and never block: an actor calls them.
type Bus interface {
	// Join and Leave say that this node has members in a room, or has none any more.
	Join(tenant, room string)
	Leave(tenant, room string)
	// Publish hands a batch to every other node with members in the room. The batch must not change afterwards.
	Publish(tenant, room string, batch []byte)
	// Receive names the function that takes what other nodes publish. It is called once, before anything else.
	Receive(take func(tenant, room string, batch []byte))
	// Alone reports that there are no other nodes, so that nothing needs to be encoded.
	Alone() bool
}

// Solo is the bus of a node that is alone.
type Solo struct{}

// Join implements Bus.
func (Solo) Join(string, string) {}

// Leave implements Bus.
func (Solo) Leave(string, string) {}

// Publish implements Bus.
func (Solo) Publish(string, string, []byte) {}

// Receive implements Bus.
func (Solo) Receive(func(string, string, []byte)) {}

// Alone implements Bus.
func (Solo) Alone() bool { return true }

// arrived comes from the bus: a batch of another node.
type arrived struct {
	tenant, room string
	batch        []byte
}

// room names one topic of a tenant: public and private channels of the same name are two rooms.
type room struct {
	sub     string
	private bool
}

// String is the room's name on the bus; parseRoom reads it.
func (r room) String() string {
	if r.private {
		return "private:" + r.sub
	}
	return "public:" + r.sub
}

func parseRoom(s string) (room, bool) {
	if len(s) > 8 && s[:8] == "private:" {
		return room{sub: s[8:], private: true}, true
	}
	if len(s) > 7 && s[:7] == "public:" {
		return room{sub: s[7:]}, true
	}
	return room{}, false
}
