package actors

import "slices"

// subscriber is what the fan-out loop needs of a member: field loads, no calls.
type subscriber struct {
	conn *Conn
	m    *member
}

// versions is how many serializers there are; version v has index v-1.
const versions = 2

// subscribers are the members of a Channel by serializer, in a slice so that the loop over them is sequential.
type subscribers [versions][]subscriber

func (s *subscribers) add(m *member) {
	l := &s[m.hello.Version-1]
	m.slot = len(*l)
	*l = append(*l, subscriber{conn: m.conn, m: m})
}

// remove takes m out by moving the last one into its place: order among members means nothing.
func (s *subscribers) remove(m *member) {
	l := &s[m.hello.Version-1]
	last := len(*l) - 1
	moved := (*l)[last]
	(*l)[m.slot] = moved
	moved.m.slot = m.slot
	(*l)[last] = subscriber{}
	*l = (*l)[:last]
}

func (s *subscribers) len() int { return len(s[0]) + len(s[1]) }

// each calls f for every member; f may remove the member it is called with.
func (s *subscribers) each(f func(*member)) {
	for v := range s {
		for _, e := range slices.Backward(s[v]) {
			f(e.m)
		}
	}
}
