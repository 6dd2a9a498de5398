package actors

import (
	"slices"

	"realtime/protocol"
)

// seat is a topic of a connection. channel is nil while the join is under way; held are the frames that came
// meanwhile. leaving: a phx_leave was accepted, or a newer join took the topic.
type seat struct {
	m       *member
	channel *post
	held    []*protocol.Message
	leaving bool
}

// seats are the topics of a connection, sorted. A slice: most connections have one or two, and a map of one costs
// more than everything else its Socket keeps.
type seats []*seat

// place is where topic is, or belongs.
func (s *seats) place(topic string) (int, bool) {
	return slices.BinarySearchFunc(*s, topic, func(e *seat, t string) int {
		switch {
		case e.m.topic < t:
			return -1
		case e.m.topic > t:
			return 1
		}
		return 0
	})
}

// find is the seat of a topic, or nil.
func (s *seats) find(topic string) *seat {
	if i, ok := s.place(topic); ok {
		return (*s)[i]
	}
	return nil
}

// holds is the seat of m, or nil if its topic is another member's by now.
func (s *seats) holds(m *member) *seat {
	if e := s.find(m.topic); e != nil && e.m == m {
		return e
	}
	return nil
}

// put seats e, in the place of an earlier one of its topic.
func (s *seats) put(e *seat) {
	i, ok := s.place(e.m.topic)
	if ok {
		(*s)[i] = e
		return
	}
	*s = slices.Insert(*s, i, e)
}

// remove takes a topic out.
func (s *seats) remove(topic string) {
	if i, ok := s.place(topic); ok {
		*s = slices.Delete(*s, i, i+1)
	}
}
