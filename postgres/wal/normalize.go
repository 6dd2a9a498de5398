package wal

import (
	"bytes"
	"cmp"
	"slices"
)

// normalizer appends the text of a json value as jsonb would understand it: of several members with one key the last
// stays, space between tokens goes. Numbers, strings and the order of keys stay as they were written. It keeps its
// stacks from value to value, and nests as deep as the text does, without recursion.
type normalizer struct {
	src []byte
	pos int

	open    []container
	members []member // of all open objects, the innermost's last
	cuts    []span   // of dst: members that a later one replaces
}

// container is an object or array that is being read.
type container struct {
	object bool
	first  int // of an object: where its members begin in members
}

// member is one key of an object and where it was written, value and following comma included.
type member struct {
	key []byte // decoded
	at  span
}

// span is a piece of dst.
type span struct{ from, to int }

// append appends src, normalised. False: src is not JSON.
func (n *normalizer) append(dst, src []byte) ([]byte, bool) {
	n.src, n.pos = validText(src), 0
	n.open, n.members, n.cuts = n.open[:0], n.members[:0], n.cuts[:0]
	dst, ok := n.document(dst)
	n.src = nil
	clear(n.members) // what a text that is not JSON left behind
	if !ok {
		return dst, false
	}
	return n.compact(dst), true
}

// document reads the whole text: values, and what follows each of them.
func (n *normalizer) document(dst []byte) ([]byte, bool) {
	for {
		var more, ok bool
		dst, more, ok = n.value(dst)
		for ok && !more {
			if len(n.open) == 0 {
				n.space()
				return dst, n.pos == len(n.src)
			}
			dst, more, ok = n.follow(dst)
		}
		if !ok {
			return dst, false
		}
	}
}

// value reads a scalar, an empty container, or the beginning of one up to its first value; then more is true: a
// value must follow.
func (n *normalizer) value(dst []byte) (_ []byte, more, ok bool) {
	n.space()
	switch c := n.peek(); c {
	case '{', '[':
		n.pos++
		n.space()
		if end := n.peek(); end == c+2 { // '{' and '}', '[' and ']' are two apart
			n.pos++
			return append(dst, c, end), false, true
		}
		n.open = append(n.open, container{object: c == '{', first: len(n.members)})
		dst = append(dst, c)
		if c == '{' {
			dst, ok = n.key(dst)
			return dst, true, ok
		}
		return dst, true, true
	case '"':
		raw, ok := n.string()
		return append(dst, raw...), false, ok
	default:
		raw, ok := n.bare()
		return append(dst, raw...), false, ok
	}
}

// follow reads what stands after a value inside a container: a comma, then more is true, or its end.
func (n *normalizer) follow(dst []byte) (_ []byte, more, ok bool) {
	n.space()
	top := n.open[len(n.open)-1]
	c := n.peek()
	n.pos++
	switch {
	case c == ',':
		dst = append(dst, c)
		if top.object {
			dst, ok = n.key(dst)
			return dst, true, ok
		}
		return dst, true, true
	case c == '}' && top.object:
		n.members[len(n.members)-1].at.to = len(dst)
		n.settle(n.members[top.first:])
		clear(n.members[top.first:]) // keys must not outlive their transaction here
		n.members = n.members[:top.first]
	case c == ']' && !top.object:
	default:
		return dst, false, false
	}
	n.open = n.open[:len(n.open)-1]
	return append(dst, c), false, true
}

// key reads a member's key and colon.
func (n *normalizer) key(dst []byte) ([]byte, bool) {
	n.space()
	raw, ok := n.string()
	if !ok {
		return dst, false
	}
	n.space()
	if n.peek() != ':' {
		return dst, false
	}
	n.pos++
	if top := n.open[len(n.open)-1]; len(n.members) > top.first {
		n.members[len(n.members)-1].at.to = len(dst)
	}
	n.members = append(n.members, member{key: decodeString(raw), at: span{from: len(dst)}})
	dst = append(dst, raw...)
	return append(dst, ':'), true
}

// settle notes which members of one object are to be cut out. The last member of all is never among them, so that each
// of them has its comma behind it.
func (n *normalizer) settle(members []member) {
	if len(members) < 2 {
		return
	}
	slices.SortFunc(members, func(a, b member) int {
		return cmp.Or(bytes.Compare(a.key, b.key), cmp.Compare(a.at.from, b.at.from))
	})
	for i := range members[1:] {
		if bytes.Equal(members[i].key, members[i+1].key) {
			n.cuts = append(n.cuts, members[i].at)
		}
	}
}

// compact takes the cuts, which may lie within one another, out of dst.
func (n *normalizer) compact(dst []byte) []byte {
	if len(n.cuts) == 0 {
		return dst
	}
	slices.SortFunc(n.cuts, func(a, b span) int { return cmp.Compare(a.from, b.from) })
	end, done := n.cuts[0].from, n.cuts[0].from
	for _, c := range n.cuts {
		if c.from > done {
			end += copy(dst[end:], dst[done:c.from])
		}
		done = max(done, c.to)
	}
	end += copy(dst[end:], dst[done:])
	return dst[:end]
}

func (n *normalizer) space() {
	for n.pos < len(n.src) {
		switch n.src[n.pos] {
		case ' ', '\t', '\n', '\r':
			n.pos++
		default:
			return
		}
	}
}

// peek returns the next byte, 0 at the end.
func (n *normalizer) peek() byte {
	if n.pos < len(n.src) {
		return n.src[n.pos]
	}
	return 0
}
