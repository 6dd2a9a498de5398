package changes

// entrySet is a set of entries with removal in constant time; each entry knows its place. Settled entries want every row
// that leads to the set, for certain and all in the same way, so whom such a row goes to is worked out once and not for
// each row: a table without row security costs the same whether ten or ten thousand members listen.
type entrySet struct {
	loose, settled []*entry
	crowds         []crowd // of the settled entries; nil when it has to be made anew
}

// crowd is the members of one group who get the same JSON of a row.
type crowd struct {
	parcel
	to []Target // immutable: deliveries share it
}

// isSettled reports whether nothing is left to ask about the entry once a row of the operation led to its set.
func (e *entry) isSettled(op int) bool {
	if !e.alone {
		return false // what its member gets depends on the other entries
	}
	if op != opDelete && e.fault != noFault {
		return true
	}
	return e.rest == nil && len(e.eqs) <= 1 && (op == opDelete || e.plan.tier == tierOpen)
}

func (s *entrySet) list(e *entry, op int) *[]*entry {
	if e.isSettled(op) {
		s.crowds = nil
		return &s.settled
	}
	return &s.loose
}

func (s *entrySet) add(e *entry, op int) {
	list := s.list(e, op)
	e.places[op] = len(*list)
	*list = append(*list, e)
}

func (s *entrySet) remove(e *entry, op int) {
	p := s.list(e, op)
	list := *p
	i, last := e.places[op], len(list)-1
	list[i] = list[last]
	list[i].places[op] = i
	list[last] = nil
	*p = list[:last]
}

func (s *entrySet) empty() bool { return len(s.loose)+len(s.settled) == 0 }

// crowdsOf returns whom a row of the operation goes to.
func (s *entrySet) crowdsOf(op int) []crowd {
	if s.crowds != nil {
		return s.crowds
	}
	at := map[parcel]int{}
	for _, e := range s.settled {
		k := parcel{group: e.sub.Group, variant: e.settledVariant(op), selection: e.selection}
		i, ok := at[k]
		if !ok {
			i = len(s.crowds)
			at[k] = i
			s.crowds = append(s.crowds, crowd{parcel: k})
		}
		s.crowds[i].to = append(s.crowds[i].to, Target{Member: e.sub.Member, IDs: e.ids})
	}
	return s.crowds
}

// settledVariant is the JSON that a settled entry is due for any row of the operation.
func (e *entry) settledVariant(op int) variant {
	switch {
	case op != opDelete && e.fault != noFault:
		return variant{fault: e.fault}
	case op == opInsert:
		return variant{shape: e.shape}
	case op == opDelete && e.table.rowSecurity:
		return variant{shape: e.shape, old: oldKeyOnly}
	}
	return variant{shape: e.shape, old: oldIdentity}
}
