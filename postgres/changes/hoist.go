package changes

import (
	"strconv"
	"strings"
)

// hoister takes out of a policy, as Postgres writes it, what depends on the claims alone: maximal parts made of the
// accessors (auth.uid() and its like), constants and immutable functions. Each becomes a column of the claims table. What
// reads tables, the clock or other settings stays where it is.
type hoister struct {
	alias     string          // the table's own name, under which sub-queries mean its row
	accessors map[string]bool // qualified names of the functions that read nothing but the claims
	unstable  map[string]bool // names of functions and operators that are not immutable
	shaped    map[string]bool // names of aggregates and functions that return sets: no values by themselves
	tables    bool            // the policy reads other tables
	coarse    bool            // nothing is known of casts: take the accessors alone

	hoisted []string // what was taken out, in SQL
	known   map[string]int
}

// claimsAlias names the claims table in statements.
const claimsAlias = `"realtime claims"`

// nature is what a part of an expression is made of.
type nature struct {
	pure   bool // of constants, accessors and immutable functions only
	claims bool // of at least one accessor
}

func (n nature) and(o nature) nature {
	return nature{pure: n.pure && o.pure, claims: n.claims || o.claims}
}

// hoist returns the expression with columns of the claims table in place of what was taken out.
func (h *hoister) hoist(list []piece) []piece {
	if h.known == nil {
		h.known = map[string]int{}
	}
	return h.sequence(list, 0, false)
}

// sequence hoists in what stands in one pair of brackets. depth counts the sub-queries around it; from says that it is
// part of a FROM, where a function is a table.
func (h *hoister) sequence(list []piece, depth int, from bool) []piece {
	out := make([]piece, 0, len(list))
	query, condition := len(list) > 0 && list[0].is("SELECT"), false
	for i := 0; i < len(list); {
		p := &list[i]
		if p.kind == pieceWord && (query || from) {
			switch p.text {
			case "FROM":
				from = true
			case "WHERE", "GROUP", "HAVING", "ORDER", "LIMIT", "OFFSET", "FETCH", "WINDOW":
				from = from && !query
			case "ON":
				condition = true
			}
		}
		end, n := h.primary(list, i, depth)
		table := from && !condition || i > 0 && list[i-1].takesQuery() && p.isSelect()
		switch {
		case end == i:
			out = append(out, *p)
			end++
		case n.pure && n.claims && !table:
			out = append(out, h.place(list[i:end]))
		default:
			for j := i; j < end; j++ {
				q := list[j]
				if q.kind == pieceBracket {
					inner := depth
					if q.isSelect() {
						inner++
					}
					q.in = h.sequence(q.in, inner, table && j == i && !q.isSelect())
				}
				out = append(out, q)
			}
		}
		if p.kind == pieceBracket {
			condition = false
		}
		i = end
	}
	return out
}

// takesQuery reports keywords that are followed by a sub-query which is no value.
func (p *piece) takesQuery() bool {
	return p.is("EXISTS") || p.is("IN") || p.is("ANY") || p.is("ALL") || p.is("LATERAL")
}

// place is the column of the claims table for a part.
func (h *hoister) place(part []piece) piece {
	text := writeSQL(part)
	at, ok := h.known[text]
	if !ok {
		at = len(h.hoisted)
		h.known[text] = at
		h.hoisted = append(h.hoisted, text)
	}
	g := group(piece{kind: pieceQuoted, text: claimsAlias}, piece{kind: pieceOperator, text: ".", glue: true},
		piece{kind: pieceWord, text: valueColumn(at), glue: true})
	g.glue = part[0].glue
	return g
}

// primary finds where the value that begins at i ends, and what it is made of. At what is no value it returns i.
func (h *hoister) primary(list []piece, i, depth int) (int, nature) {
	p := &list[i]
	next := func(kind string) bool {
		return i+1 < len(list) && list[i+1].kind == pieceBracket && list[i+1].text == kind
	}
	constant := nature{pure: !h.coarse}
	switch {
	case p.kind == pieceLiteral, p.is("true"), p.is("false"), p.is("NULL"):
		return h.suffixes(list, i+1, depth, constant)
	case p.isSelect():
		return h.suffixes(list, i+1, depth, h.query(p.in, depth))
	case p.kind == pieceBracket && p.text == "(":
		return h.suffixes(list, i+1, depth, h.inside(p.in, depth))
	case p.is("ARRAY") && next("["), (p.is("COALESCE") || p.is("NULLIF") || p.is("GREATEST") || p.is("LEAST")) && next("("):
		return h.suffixes(list, i+2, depth, h.inside(list[i+1].in, depth))
	case p.is("ARRAY") && next("("):
		return h.suffixes(list, i+2, depth, h.query(list[i+1].in, depth))
	case p.isName():
		return h.chain(list, i, depth)
	}
	return i, nature{}
}

// chain is a name, qualified or not: of a function that is called, or of a column.
func (h *hoister) chain(list []piece, i, depth int) (int, nature) {
	end := i + 1
	for end+1 < len(list) && list[end].is(".") && list[end+1].isName() {
		end += 2
	}
	name, qualified := list[end-1].named(), list[end-1].named()
	if end == i+3 {
		qualified = list[i].named() + "." + name
	} else if end > i+3 {
		qualified = "" // a function's name has two parts at most
	}
	if end == len(list) || list[end].kind != pieceBracket || list[end].text != "(" || !list[end].glue {
		return h.suffixes(list, end, depth, nature{})
	}
	args := list[end].in
	end++
	switch {
	case h.accessors[qualified] && len(args) == 0, qualified == "current_setting" && claimsSetting(args):
		if h.coarse {
			return end, nature{pure: true, claims: true}
		}
		return h.suffixes(list, end, depth, nature{pure: true, claims: true})
	case h.unstable[name] || h.shaped[name] || qualified != name && qualified != "pg_catalog."+name:
		return h.suffixes(list, end, depth, nature{})
	}
	return h.suffixes(list, end, depth, h.inside(args, depth))
}

// suffixes takes casts and subscripts.
func (h *hoister) suffixes(list []piece, i, depth int, n nature) (int, nature) {
	for i < len(list) {
		switch p := &list[i]; {
		case p.is("::"):
			i = typeEnd(list, i+1)
		case p.kind == pieceBracket && p.text == "[" && p.glue:
			n = n.and(h.inside(p.in, depth))
			i++
		default:
			return i, n
		}
	}
	return i, n
}

// typeEnd returns where the name of a type ends.
func typeEnd(list []piece, i int) int {
	for i < len(list) && list[i].isName() {
		i++
		if i < len(list) && list[i].is(".") {
			i++
			continue
		}
		if i < len(list) && list[i].kind == pieceBracket && list[i].text == "(" {
			i++
		}
		if i == len(list) || !list[i].continuesType() {
			break
		}
	}
	for i < len(list) && list[i].kind == pieceBracket && list[i].text == "[" && len(list[i].in) == 0 {
		i++
	}
	return i
}

func (p *piece) continuesType() bool {
	return p.is("varying") || p.is("precision") || p.is("with") || p.is("without") || p.is("time") || p.is("zone")
}

// pureWords are the keywords that a claims-only expression may have.
var pureWords = wordSet("AND OR NOT IS NULL DISTINCT FROM ANY ALL ARRAY CASE WHEN THEN ELSE END UNKNOWN TRUE FALSE")

// queryWords are those that a claims-only sub-query may have besides.
var queryWords = wordSet("SELECT AS WHERE LATERAL ORDER BY ASC DESC EXISTS IN COALESCE NULLIF GREATEST LEAST WITH ORDINALITY JOIN LEFT ON CROSS")

func wordSet(list string) map[string]bool {
	set := map[string]bool{}
	for word := range strings.FieldsSeq(list) {
		set[word] = true
	}
	return set
}

// inside is the nature of what stands in one pair of brackets.
func (h *hoister) inside(list []piece, depth int) nature {
	n := nature{pure: !h.coarse}
	for i := 0; i < len(list); {
		end, part := h.primary(list, i, depth)
		if end > i {
			n = n.and(part)
			i = end
			continue
		}
		p := &list[i]
		if p.kind == pieceOperator && (h.unstable[p.text] || p.text == "." || p.text == ";") || p.kind == pieceWord && !pureWords[p.text] || p.kind == pieceBracket {
			n.pure = false
		}
		i++
	}
	return n
}

// query is the nature of a sub-query: one value without FROM, or, if the policy reads no tables, whatever it is.
func (h *hoister) query(list []piece, depth int) nature {
	if len(list) < 2 || !list[0].is("SELECT") {
		return nature{}
	}
	end, n := h.primary(list, 1, depth)
	if end > 1 && (end == len(list) || end+2 == len(list) && list[end].is("AS") && list[end+1].isName()) {
		return n
	}
	if depth > 0 || h.tables || h.coarse {
		return nature{}
	}
	return h.closed(list)
}

// closed is the nature of a sub-query that may have tables of functions in it, but not the row.
func (h *hoister) closed(list []piece) nature {
	n := nature{pure: true}
	for i := range list {
		p := &list[i]
		called := i+1 < len(list) && list[i+1].kind == pieceBracket && list[i+1].text == "(" && list[i+1].glue
		switch {
		case p.kind == pieceBracket:
			n = n.and(h.closed(p.in))
		case p.kind == pieceOperator:
			n.pure = n.pure && !h.unstable[p.text] && p.text != ";"
		case p.isName() && p.named() == h.alias:
			n.pure = false
		case p.isName() && called:
			qualified := p.named()
			if i > 1 && list[i-1].is(".") {
				qualified = list[i-2].named() + "." + qualified
			}
			if h.accessors[qualified] || qualified == "current_setting" && claimsSetting(list[i+1].in) {
				n.claims = true
			} else if h.unstable[p.named()] {
				n.pure = false
			}
		case p.isName(), p.kind == pieceLiteral, p.is("true"), p.is("false"):
		case p.kind != pieceWord || !pureWords[p.text] && !queryWords[p.text]:
			n.pure = false
		}
	}
	return n
}

// claimsSetting reports whether the arguments of current_setting name the setting that holds the claims.
func claimsSetting(args []piece) bool {
	return strings.EqualFold(settingName(args), "request.jwt.claims")
}

// settingName is the name of the setting that current_setting is asked for, "" if that is no constant.
func settingName(args []piece) string {
	if len(args) < 3 || args[0].kind != pieceLiteral || args[0].text[0] != '\'' || !args[1].is("::") || !args[2].is("text") {
		return ""
	}
	if len(args) > 3 && (len(args) != 5 || !args[3].is(",") || !args[4].is("true") && !args[4].is("false")) {
		return ""
	}
	return strings.ReplaceAll(strings.Trim(args[0].text, "'"), "''", "'")
}

// valueColumn names the column of what was hoisted as number at.
func valueColumn(at int) string { return "v" + strconv.Itoa(at+1) }
