package changes

import "slices"

// answer is what a plan of T1 says about one row.
type answer struct {
	plan              *plan
	imaged            bool           // the stream has every column that the policies look at
	groups            []*claimsGroup // who may see it
	anyone, anyoneOld bool           // whatever the claims, the row or its old image
}

// answer returns the row's answer of a plan, nil if it was not asked.
func (r *batchRow) answer(p *plan) *answer {
	for _, a := range r.answers {
		if a.plan == p {
			return a
		}
	}
	return nil
}

// imaged reports whether policies can be asked about the row's image.
func (r *batchRow) imaged(p *plan) bool {
	a := r.answer(p)
	if a == nil {
		a = &answer{plan: p, imaged: r.hasImage(p, false)}
		r.answers = append(r.answers, a)
	}
	return a.imaged
}

// hasImage reports whether the stream has all columns that the policies look at, of the types that they have now.
func (r *batchRow) hasImage(p *plan, old bool) bool {
	for _, column := range p.image.columns {
		at := r.mapping.position[column]
		if at < 0 || r.Rel.Columns[at].Type != p.table.columns[column].oid {
			return false
		}
		if _, ok := r.imageValue(column, old); !ok {
			return false
		}
	}
	return true
}

// unit is a row, or its old image, that is asked about.
type unit struct {
	*batchRow
	old    bool
	groups []*claimsGroup // in question; nil for all
}

// joinAsk is what a batch asks of one plan of T1.
type joinAsk struct {
	plan       *plan
	all, pairs []unit
}

// unpool puts pooled entries among the candidates where the row's image does not suffice.
func (b *batch) unpool() {
	for _, r := range b.rows {
		for i := 0; i < len(r.pools); i++ {
			if x := r.pools[i]; !r.imaged(x.plan) {
				r.empty(x)
				i--
			}
		}
	}
}

// empty turns the entries of a pool into candidates.
func (r *batchRow) empty(x *pool) {
	for _, a := range x.audiences {
		r.candidates = append(r.candidates, a.entries...)
	}
	r.pools = slices.DeleteFunc(slices.Clone(r.pools), func(o *pool) bool { return o == x })
}

// joins makes the questions for plans of T1.
func (b *batch) joins() []*joinAsk {
	var out []*joinAsk
	asks := map[*plan]*joinAsk{}
	wanted := map[*plan]*unit{}
	for _, r := range b.rows {
		clear(wanted)
		want := func(p *plan, groups int) *unit {
			u := wanted[p]
			if u == nil {
				u = &unit{batchRow: r, groups: []*claimsGroup{}}
				wanted[p] = u
			}
			if u.groups != nil && len(u.groups)+groups > fewGroups {
				u.groups = nil
			}
			return u
		}
		for _, x := range r.pools {
			if u := want(x.plan, len(x.audiences)); u.groups != nil {
				for g := range x.audiences {
					u.groups = append(u.groups, g)
				}
			}
		}
		for _, en := range r.candidates {
			if en.secured(r) && en.way(r) == tierJoin {
				if u := want(en.plan, 1); u.groups != nil && !slices.Contains(u.groups, en.group) {
					u.groups = append(u.groups, en.group)
				}
			}
		}
		for p, u := range wanted {
			j := asks[p]
			if j == nil {
				j = &joinAsk{plan: p}
				asks[p] = j
				out = append(out, j)
			}
			j.add(*u)
			if r.differs(p) && r.hasImage(p, true) {
				u.old = true
				j.add(*u)
			}
		}
	}
	return out
}

func (j *joinAsk) add(u unit) {
	if u.groups == nil || len(u.groups) >= len(j.plan.image.claims.byID) {
		j.all = append(j.all, u)
	} else {
		j.pairs = append(j.pairs, u)
	}
}

// olds returns those rows whose old images are to be asked about as well.
func (b *batch) olds(p *plan, rows []*batchRow) []*batchRow {
	var out []*batchRow
	for _, r := range rows {
		if r.differs(p) && r.hasImage(p, true) {
			out = append(out, r)
		}
	}
	return out
}
