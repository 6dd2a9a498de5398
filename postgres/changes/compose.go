package changes

import (
	"slices"
	"strings"
)

// compose reads the policies' text and cuts it.
func (a *admission) compose() (*imaging, reason) {
	h := hoister{
		alias: a.p.table.table, accessors: map[string]bool{}, unstable: map[string]bool{}, shaped: map[string]bool{},
		tables: len(a.rels) > 0, coarse: a.hidden || a.styled,
	}
	br := brancher{alias: h.alias, raises: map[string]bool{}, shaped: h.shaped, hidden: a.hidden}
	for _, f := range a.functions {
		if !f.direct {
			continue
		}
		if f.accessor() {
			h.accessors[f.schema+"."+f.name] = true
		}
		h.unstable[f.name] = h.unstable[f.name] || f.volatility != "i"
		h.shaped[f.name] = h.shaped[f.name] || f.set || f.kind != "f"
		br.raises[f.name] = br.raises[f.name] || !f.leakproof
	}
	for _, o := range a.operators {
		h.unstable[o.name] = h.unstable[o.name] || o.stable
		br.raises[o.name] = br.raises[o.name] || !o.leakproof
	}
	all := hoister{alias: h.alias, accessors: h.accessors, shaped: h.shaped, tables: h.tables} // whatever depends on claims
	var plain, hoisted [2][][]piece                                                            // permissive, restrictive
	for _, q := range a.policies {
		if q.qual == "" {
			continue
		}
		list, err := readSQL(q.text)
		if err != nil {
			return nil, reason{text: "an expression that could not be read"}
		}
		n := 1
		if q.permissive {
			n = 0
		}
		_ = all.hoist(list)
		plain[n], hoisted[n] = append(plain[n], list), append(hoisted[n], h.hoist(list))
	}
	if len(plain[0]) == 0 {
		return nil, reason{text: "a policy without an expression"}
	}
	im := &imaging{
		hoisted: h.hoisted, whole: writeSQL(combined(plain[0], plain[1])), pairs: writeSQL(combined(hoisted[0], hoisted[1])),
		branches: br.branches(hoisted[0], hoisted[1]),
	}
	for _, part := range all.hoisted {
		if !slices.Contains(h.hoisted, part) {
			im.checked = append(im.checked, part)
		}
	}
	for i, mentioned := range a.p.mentions {
		if mentioned {
			im.columns = append(im.columns, i)
		}
	}
	if slices.ContainsFunc(slices.Concat(hoisted[0], hoisted[1]), h.left) {
		im.branches = nil
	}
	return im, reason{}
}

// left reports whether something is left in the pieces that reads the claims, or may.
func (h *hoister) left(list []piece) bool {
	for i := range list {
		p := &list[i]
		called := i+1 < len(list) && list[i+1].kind == pieceBracket && list[i+1].text == "("
		switch {
		case p.kind == pieceBracket:
			if h.left(p.in) {
				return true
			}
		case p.isName() && called && p.named() == "current_setting":
			if name := settingName(list[i+1].in); name == "" || strings.EqualFold(name, "request.jwt.claims") {
				return true
			}
		case p.isName() && called && i > 1 && list[i-1].is(".") && list[i-2].named() != "pg_catalog":
			return true // an accessor, known or not, or what looks like one
		}
	}
	return false
}
