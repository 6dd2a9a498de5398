package presence

import (
	"bytes"
	"slices"

	"realtime/protocol"
)

// Set is the presences of one topic. Not safe for concurrent use: the topic's Presence actor owns it.
type Set struct {
	keys    map[string][]*entry // metas of a key, oldest first
	members map[any]*entry
}

// entry is what one member tracks: a channel has one key and at most one meta.
type entry struct {
	key     string
	ref     string
	payload []byte // as tracked, for telling a repetition
	meta    []byte // JSON
}

// NewSet makes an empty Set.
func NewSet() *Set {
	return &Set{keys: map[string][]*entry{}, members: map[any]*entry{}}
}

// Len is how many members are tracked.
func (s *Set) Len() int { return len(s.members) }

// Track makes payload (a JSON object) the meta of member under key. ref must be new. The same payload again changes
// nothing: ok is false. A change leaves the old meta and joins the new one in one diff.
func (s *Set) Track(member any, key string, payload []byte, ref string) (d Diff, ok bool) {
	old := s.members[member]
	if old != nil && old.key == key && bytes.Equal(old.payload, payload) {
		return Diff{}, false
	}
	prev := ""
	if old != nil {
		prev = old.ref
		d.leave(old)
		s.remove(old)
	}
	e := &entry{key: key, ref: ref, payload: payload, meta: appendMeta(nil, payload, ref, prev)}
	s.members[member] = e
	s.keys[key] = append(s.keys[key], e)
	d.join(e)
	return d, true
}

// Untrack removes what member tracks; ok is false if that is nothing.
func (s *Set) Untrack(member any) (d Diff, ok bool) {
	e, ok := s.members[member]
	if !ok {
		return Diff{}, false
	}
	delete(s.members, member)
	s.remove(e)
	d.leave(e)
	return d, true
}

func (s *Set) remove(e *entry) {
	l := s.keys[e.key]
	if len(l) == 1 {
		delete(s.keys, e.key)
		return
	}
	i := slices.Index(l, e)
	s.keys[e.key] = slices.Delete(l, i, i+1)
}

// AppendState appends the whole state: {} when nobody is here.
func (s *Set) AppendState(dst []byte) []byte {
	dst = append(dst, '{')
	first := true
	for key, l := range s.keys {
		if !first {
			dst = append(dst, ',')
		}
		first = false
		dst = appendKey(dst, key)
		for i, e := range l {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = append(dst, e.meta...)
		}
		dst = append(dst, "]}"...)
	}
	return append(dst, '}')
}

func appendKey(dst []byte, key string) []byte {
	return append(protocol.AppendString(dst, key), `:{"metas":[`...)
}

// appendMeta makes a meta of a tracked object. The server's phx_ref wins over one the client put in.
func appendMeta(dst, payload []byte, ref, prev string) []byte {
	dst = protocol.AppendString(append(dst, `{"phx_ref":`...), ref)
	if prev != "" {
		dst = protocol.AppendString(append(dst, `,"phx_ref_prev":`...), prev)
	}
	protocol.Object(payload, func(key, value []byte) bool {
		if k := string(key); k != "phx_ref" && k != "phx_ref_prev" {
			dst = protocol.AppendString(append(dst, ','), k)
			dst = append(append(dst, ':'), value...)
		}
		return true
	})
	return append(dst, '}')
}
