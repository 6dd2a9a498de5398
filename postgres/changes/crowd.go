package changes

import "slices"

// entrySet is the entries that one value of a filter leads to; each entry knows its place in it.
//
// Settled entries want every row that leads to the set, for certain and all in the same way, so whom such a row goes to is
// worked out once and not for each row: a table without row security costs the same whether ten or ten thousand members
// listen. Pooled entries wait for the answer about their group, and cost nothing where that is no.
type entrySet struct {
	value   *string // of the filter; nil for entries without
	loose   []*entry
	settled audience
	pools   []*pool
}

// audience is entries that get the same rows of a set.
type audience struct {
	entries []*entry
	crowds  []crowd // nil when it has to be made anew
	// Of a pool: whose answer decides.
	plan  *plan
	group *claimsGroup
	at    int // in its pool's order
}

// pool is the entries of a set whose policies are asked by the values of their claims (T1), all of one plan.
type pool struct {
	plan      *plan
	audiences map[*claimsGroup]*audience
	// order is the audiences in an order that stays: consecutive rows for the same people then go out in one write.
	order []*audience
}

// crowd is the members of one group who get the same JSON of a row.
type crowd struct {
	parcel
	to []Target // immutable: deliveries share it
}

// isSettled reports whether nothing is left to ask about the entry once a row of the operation led to its set.
func (e *entry) isSettled(op int) bool {
	if !e.alone[op] {
		return false // what its member gets depends on the other entries
	}
	if op != opDelete && e.fault != noFault {
		return true
	}
	return e.rest == nil && len(e.eqs) <= 1 && (op == opDelete || e.plan.tier == tierOpen)
}

// isPooled reports whether the answer about its group alone decides about the entry.
func (e *entry) isPooled(op int) bool {
	return op != opDelete && e.alone[op] && e.fault == noFault && e.rest == nil && len(e.eqs) <= 1 && e.group != nil
}

// list is where the entry is kept; of a pool it is made if need be.
func (s *entrySet) list(e *entry, op int) *[]*entry {
	switch {
	case e.isSettled(op):
		s.settled.crowds = nil
		return &s.settled.entries
	case e.isPooled(op):
		a := s.pool(e.plan).audience(e.group)
		a.crowds = nil
		return &a.entries
	}
	return &s.loose
}

// pool returns the set's pool of a plan.
func (s *entrySet) pool(p *plan) *pool {
	for _, x := range s.pools {
		if x.plan == p {
			return x
		}
	}
	x := &pool{plan: p, audiences: map[*claimsGroup]*audience{}}
	s.pools = append(s.pools, x)
	return x
}

func (x *pool) audience(g *claimsGroup) *audience {
	a := x.audiences[g]
	if a == nil {
		a = &audience{plan: x.plan, group: g, at: len(x.order)}
		x.audiences[g] = a
		x.order = append(x.order, a)
	}
	return a
}

// drop takes an audience out that has lost its last entry.
func (x *pool) drop(g *claimsGroup) {
	a, last := x.audiences[g], len(x.order)-1
	x.order[a.at] = x.order[last]
	x.order[a.at].at = a.at
	x.order[last] = nil
	x.order = x.order[:last]
	delete(x.audiences, g)
}

// add puts the entry into the set.
func (s *entrySet) add(e *entry, op int) {
	list := s.list(e, op)
	*e.place(op, s) = int32(len(*list))
	*list = append(*list, e)
}

// place is where the entry keeps its place in the set.
func (e *entry) place(op int, s *entrySet) *int32 {
	if s.value != nil {
		if n := slices.Index(e.eqs[0].values, *s.value); n > 0 {
			if e.more == nil {
				e.more = make([]int32, opCount*(len(e.eqs[0].values)-1))
			}
			return &e.more[opCount*(n-1)+op]
		}
	}
	return &e.places[op]
}

// remove undoes add.
func (s *entrySet) remove(e *entry, op int) {
	p := s.list(e, op)
	list := *p
	i, last := *e.place(op, s), len(list)-1
	list[i] = list[last]
	*list[i].place(op, s) = i
	list[last] = nil
	*p = list[:last]
	if last > 0 || !e.isPooled(op) || e.isSettled(op) {
		return
	}
	x := s.pool(e.plan)
	x.drop(e.group)
	if len(x.audiences) == 0 {
		for n := range s.pools {
			if s.pools[n] == x {
				s.pools = append(s.pools[:n], s.pools[n+1:]...)
				break
			}
		}
	}
}

func (s *entrySet) empty() bool { return len(s.loose)+len(s.settled.entries)+len(s.pools) == 0 }

// crowdsOf returns whom a row of the operation goes to.
func (s *audience) crowdsOf(op int) []crowd {
	if s.crowds != nil {
		return s.crowds
	}
	at := map[parcel]int{}
	for _, e := range s.entries {
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

// settledVariant is the JSON that an entry is due for any row of the operation, as far as that does not depend on the row.
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
