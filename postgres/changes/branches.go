package changes

import (
	"slices"
	"strings"
)

// branch is one of the alternatives of a policy: whoever meets one of them sees the row.
type branch struct {
	sql    string
	anyone bool // it does not look at the claims
}

// brancher cuts a hoisted policy into alternatives, so that each can be a join of rows and claims of its own: Postgres
// cannot join by an OR. It may change which errors are raised, so it cuts only what cannot raise one.
type brancher struct {
	alias  string
	raises map[string]bool // names of functions and operators that may raise errors
	shaped map[string]bool
	hidden bool // there are casts that Postgres does not write
}

// branches returns the alternatives of: any of permissive, and all of restrictive.
func (b *brancher) branches(permissive, restrictive [][]piece) []branch {
	var rest []piece
	careful := b.hidden
	for _, r := range restrictive {
		rest = append(rest, piece{kind: pieceWord, text: "AND"}, group(b.rewrite(r)...))
		careful = careful || b.mayRaise(r)
	}
	var parts [][]piece
	for _, p := range permissive {
		careful = careful || b.mayRaise(p)
		parts = append(parts, disjuncts(p)...)
	}
	if careful {
		return []branch{newBranch(combined(permissive, restrictive))}
	}
	out := make([]branch, len(parts))
	for i, p := range parts {
		out[i] = newBranch(append([]piece{group(b.rewrite(p)...)}, rest...))
	}
	return out
}

// combined is the policy as Postgres itself would put it together.
func combined(permissive, restrictive [][]piece) []piece {
	var either []piece
	for i, p := range permissive {
		if i > 0 {
			either = append(either, piece{kind: pieceWord, text: "OR"})
		}
		either = append(either, group(p...))
	}
	out := []piece{group(either...)}
	for _, r := range restrictive {
		out = append(out, piece{kind: pieceWord, text: "AND"}, group(r...))
	}
	return out
}

func newBranch(list []piece) branch {
	sql := writeSQL(list)
	return branch{sql: sql, anyone: !strings.Contains(sql, claimsAlias)}
}

// disjuncts cuts at the ORs on top.
func disjuncts(list []piece) [][]piece {
	if len(list) == 1 && list[0].kind == pieceBracket && list[0].text == "(" && !list[0].isSelect() {
		return disjuncts(list[0].in)
	}
	if !slices.ContainsFunc(list, func(p piece) bool { return p.is("OR") }) ||
		slices.ContainsFunc(list, func(p piece) bool { return p.is("CASE") }) {
		return [][]piece{list}
	}
	var out [][]piece
	for _, part := range cut(list, "OR") {
		out = append(out, disjuncts(part)...)
	}
	return out
}

func cut(list []piece, word string) [][]piece {
	var out [][]piece
	start := 0
	for i := range list {
		if list[i].is(word) {
			out = append(out, list[start:i])
			start = i + 1
		}
	}
	return append(out, list[start:])
}

// mayRaise reports whether evaluating the pieces may raise an error.
func (b *brancher) mayRaise(list []piece) bool {
	for i := range list {
		p := &list[i]
		switch {
		case p.is("::") && (i == 0 || list[i-1].kind != pieceLiteral && !list[i-1].is("NULL")):
			return true
		case p.is("OPERATOR"), p.kind == pieceOperator && b.raises[p.text]:
			return true
		case p.isName() && i+1 < len(list) && list[i+1].kind == pieceBracket && list[i+1].glue && b.raises[p.named()]:
			return true
		case p.isSelect() && (i == 0 || !list[i-1].takesQuery() && !list[i-1].is("ARRAY")):
			return true // it may return more than one row
		case p.kind == pieceBracket && b.mayRaise(p.in):
			return true
		}
	}
	return false
}

// rewrite turns "x IN (SELECT y FROM …)" into an EXISTS wherever only true counts, because that can become a join.
func (b *brancher) rewrite(list []piece) []piece {
	if len(list) == 1 && list[0].kind == pieceBracket && list[0].text == "(" && !list[0].isSelect() {
		g := list[0]
		g.in = b.rewrite(g.in)
		return []piece{g}
	}
	if slices.ContainsFunc(list, func(p piece) bool { return p.is("CASE") || p.is("OR") }) {
		return list
	}
	parts := cut(list, "AND")
	if len(parts) > 1 {
		var out []piece
		for i, part := range parts {
			if i > 0 {
				out = append(out, piece{kind: pieceWord, text: "AND"})
			}
			out = append(out, b.rewrite(part)...)
		}
		return out
	}
	n := len(list)
	if n < 3 || !list[n-2].is("IN") || !list[n-1].isSelect() || list[n-3].is("NOT") {
		return list
	}
	if x, ok := b.qualified(list[:n-2]); ok {
		if exists, ok := b.exists(x, list[n-1].in); ok {
			return exists
		}
	}
	return list
}

// qualified writes the row's columns with the table's name, so that they mean the same inside of a sub-query.
func (b *brancher) qualified(list []piece) ([]piece, bool) {
	var out []piece
	for i := range list {
		p := list[i]
		switch {
		case p.is("::"), p.isSelect(), p.kind == pieceWord && !p.isName() && !p.is("true") && !p.is("false"):
			return nil, false
		case p.kind == pieceBracket:
			in, ok := b.qualified(p.in)
			if !ok {
				return nil, false
			}
			p.in = in
		case p.isName() && (i == 0 || !list[i-1].is(".")) && (i+1 == len(list) || list[i+1].kind != pieceBracket && !list[i+1].is(".")):
			out = append(out, piece{kind: pieceQuoted, text: quoteName(b.alias), glue: p.glue}, piece{kind: pieceOperator, text: ".", glue: true})
			p.glue = true
		}
		out = append(out, p)
	}
	return out, true
}

// exists is the EXISTS for x IN query, if the query is simple.
func (b *brancher) exists(x, query []piece) ([]piece, bool) {
	if len(query) < 2 {
		return nil, false
	}
	h := hoister{shaped: b.shaped}
	end, _ := h.primary(query, 1, 0)
	if end == 1 {
		return nil, false
	}
	y := query[1:end]
	if end+1 < len(query) && query[end].is("AS") {
		end += 2
	}
	if end >= len(query) || !query[end].is("FROM") || b.hasShaped(y) {
		return nil, false
	}
	from, where := query[end:], []piece(nil)
	for i := range from {
		switch {
		case from[i].is("WHERE"):
			from, where = from[:i:i], from[i+1:]
		case from[i].kind == pieceWord && endOfSimple[from[i].text]:
			return nil, false
		}
		if where != nil {
			break
		}
	}
	if slices.ContainsFunc(where, func(p piece) bool { return p.kind == pieceWord && endOfSimple[p.text] }) {
		return nil, false
	}
	word := func(text string) piece { return piece{kind: pieceWord, text: text} }
	in := append([]piece{word("SELECT"), {kind: pieceLiteral, text: "1"}}, from...)
	in = append(in, word("WHERE"), group(append(append(slices.Clip(x), piece{kind: pieceOperator, text: "="}), y...)...))
	if where != nil {
		in = append(in, word("AND"), group(where...))
	}
	return []piece{word("EXISTS"), group(in...)}, true
}

var endOfSimple = wordSet("GROUP HAVING ORDER LIMIT OFFSET FETCH UNION INTERSECT EXCEPT WINDOW FOR DISTINCT")

func (b *brancher) hasShaped(list []piece) bool {
	return slices.ContainsFunc(list, func(p piece) bool {
		return p.kind == pieceBracket && b.hasShaped(p.in) || p.kind != pieceBracket && b.shaped[p.named()] || p.isSelect()
	})
}

func quoteName(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }
