package presence

// Diff is what one change did to a Set: the metas that came and those that went. It shares the immutable metas of
// the Set it comes from.
type Diff struct{ joins, leaves []*entry }

func (d *Diff) join(e *entry)  { d.joins = append(d.joins, e) }
func (d *Diff) leave(e *entry) { d.leaves = append(d.leaves, e) }

// Append appends {"joins":{…},"leaves":{…}}; both keys are always there.
func (d *Diff) Append(dst []byte) []byte {
	dst = appendEntries(append(dst, `{"joins":`...), d.joins)
	dst = appendEntries(append(dst, `,"leaves":`...), d.leaves)
	return append(dst, '}')
}

// appendEntries appends entries of distinct keys: a change touches one member, so no key occurs twice.
func appendEntries(dst []byte, l []*entry) []byte {
	dst = append(dst, '{')
	for i, e := range l {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(append(appendKey(dst, e.key), e.meta...), "]}"...)
	}
	return append(dst, '}')
}
