package actors

import "slices"

// subscriber is what the fan-out loop needs of a member: field loads, no calls.
type subscriber struct {
	conn *Conn
	m    *member
}

// versions is how many serializers there are; version v has index v-1.
const versions = 2

// hearing is what of a topic a member may hear. On public channels everybody hears all.
type hearing uint8

const (
	hearsAll hearing = iota
	hearsBroadcasts
	hearsPresence
	hearings = iota
)

func (h hearing) broadcasts() bool { return h != hearsPresence }
func (h hearing) presence() bool   { return h != hearsBroadcasts }

// groups is how many groups of members there are that get the same bytes: by what they may hear, then by serializer.
const groups = hearings * versions

// group is the place of a member's group.
func (m *member) group() int { return int(m.hears)*versions + int(m.hello.Version) - 1 }

// groupOf says what a group hears and reads.
func groupOf(i int) (h hearing, version int) { return hearing(i / versions), i%versions + 1 }

// subscribers are the members of a Channel by group, in a slice so that the loop over them is sequential.
type subscribers [groups][]subscriber

func (s *subscribers) add(m *member) {
	l := &s[m.group()]
	m.slot = len(*l)
	*l = append(*l, subscriber{conn: m.conn, m: m})
}

// remove takes m out by moving the last one into its place: order among members means nothing.
func (s *subscribers) remove(m *member) {
	l := &s[m.group()]
	last := len(*l) - 1
	moved := (*l)[last]
	(*l)[m.slot] = moved
	moved.m.slot = m.slot
	(*l)[last] = subscriber{}
	*l = (*l)[:last]
}

func (s *subscribers) len() (n int) {
	for i := range s {
		n += len(s[i])
	}
	return n
}

// each calls f for every member; f may remove the member it is called with.
func (s *subscribers) each(f func(*member)) {
	for v := range s {
		for _, e := range slices.Backward(s[v]) {
			f(e.m)
		}
	}
}
