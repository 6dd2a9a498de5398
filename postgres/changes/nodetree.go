package changes

import (
	"errors"
	"strconv"
	"strings"
)

// Postgres keeps a parsed expression as text, pg_node_tree: {LABEL :field value :field value}, lists in parentheses,
// tokens parted by blanks, backslash before a special character. Everything in it is resolved to OIDs, so there is no
// name to get wrong.

// treeNode is one node. Its fields are in order; a field without a value has none.
type treeNode struct {
	label  string
	fields []treeField
}

// treeField is a field with its values: *treeNode, treeList or treeToken.
type treeField struct {
	name   string
	values []any
}

type (
	treeList  []any
	treeToken string
)

var errNodeTree = errors.New("node tree is malformed")

// maxTreeDepth bounds recursion; Postgres' own stack would not survive deeper expressions either.
const maxTreeDepth = 4000

// parseTree reads one pg_node_tree.
func parseTree(text string) (any, error) {
	p := treeParser{text: text}
	v, err := p.value(p.next(), 0)
	if err != nil {
		return nil, err
	}
	if p.next() != "" {
		return nil, errNodeTree
	}
	return v, nil
}

type treeParser struct {
	text string
	pos  int
}

// next returns the next token, "" at the end. Backslashes stay in it.
func (p *treeParser) next() string {
	for p.pos < len(p.text) && strings.IndexByte(" \n\t", p.text[p.pos]) >= 0 {
		p.pos++
	}
	start := p.pos
	for p.pos < len(p.text) {
		c := p.text[p.pos]
		if c == '\\' {
			p.pos = min(p.pos+2, len(p.text))
			continue
		}
		if strings.IndexByte(" \n\t", c) >= 0 {
			break
		}
		if strings.IndexByte("(){}", c) >= 0 {
			if p.pos == start {
				p.pos++
			}
			break
		}
		p.pos++
	}
	return p.text[start:p.pos]
}

// value reads the value that begins with token.
func (p *treeParser) value(token string, depth int) (any, error) {
	switch {
	case token == "" || token == ")" || token == "}" || depth > maxTreeDepth:
		return nil, errNodeTree
	case token == "{":
		return p.node(depth)
	case token == "(":
		var list treeList
		for {
			t := p.next()
			if t == ")" {
				return list, nil
			}
			v, err := p.value(t, depth+1)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
	}
	return treeToken(token), nil
}

// node reads a node whose brace was read already.
func (p *treeParser) node(depth int) (*treeNode, error) {
	n := &treeNode{label: p.next()}
	if n.label == "" || strings.IndexByte("(){}:", n.label[0]) >= 0 {
		return nil, errNodeTree
	}
	for {
		token := p.next()
		if token == "}" {
			return n, nil
		}
		if name, ok := strings.CutPrefix(token, ":"); ok {
			n.fields = append(n.fields, treeField{name: name})
			continue
		}
		if len(n.fields) == 0 {
			return nil, errNodeTree // a value without a field
		}
		v, err := p.value(token, depth+1)
		if err != nil {
			return nil, err
		}
		f := &n.fields[len(n.fields)-1]
		f.values = append(f.values, v)
	}
}

// number returns the first value of the field as a number; ok is false if there is no such field or it has none.
func (n *treeNode) number(field string) (int64, bool) {
	for _, f := range n.fields {
		if f.name == field && len(f.values) > 0 {
			if t, ok := f.values[0].(treeToken); ok {
				v, err := strconv.ParseInt(string(t), 10, 64)
				return v, err == nil
			}
		}
	}
	return 0, false
}

// references are the catalog objects that a tree names.
type references struct {
	funcs, ops, rels, types map[uint32]bool
	// attrs are the columns of the table that the tree belongs to; 0 is the whole row, negative ones are system columns.
	attrs map[int16]bool
	// sequence: the tree draws from a sequence.
	sequence bool
}

func newReferences() *references {
	return &references{funcs: map[uint32]bool{}, ops: map[uint32]bool{}, rels: map[uint32]bool{}, types: map[uint32]bool{}, attrs: map[int16]bool{}}
}

// read adds everything that the text of a tree names; false: it is not a tree.
func (r *references) read(text string) bool {
	v, err := parseTree(text)
	if err == nil {
		r.collect(v)
	}
	return err == nil
}

// collect adds everything that the tree names. Fields are taken by name, whatever the node, so that node types this
// code has never heard of count as well.
func (r *references) collect(v any) { r.walk(v, 0) }

func (r *references) walk(v any, queries int64) {
	switch x := v.(type) {
	case treeList:
		for _, e := range x {
			r.walk(e, queries)
		}
	case *treeNode:
		switch x.label {
		case "QUERY":
			queries++
		case "VAR":
			r.variable(x, queries)
		case "NEXTVALUEEXPR":
			r.sequence = true
		}
		for _, f := range x.fields {
			r.field(f)
			for _, e := range f.values {
				r.walk(e, queries)
			}
		}
	}
}

// field adds the object that a field names by OID.
func (r *references) field(f treeField) {
	var set map[uint32]bool
	switch f.name {
	case "funcid", "opfuncid", "hashfuncid", "negfuncid", "aggfnoid", "winfnoid", "tsmhandler":
		set = r.funcs
	case "opno", "eqop", "sortop", "opnos":
		set = r.ops
	case "relid":
		set = r.rels
	case "resulttype":
		set = r.types // a coercion to a domain runs the domain's checks
	default:
		return
	}
	add := func(v any) {
		if t, ok := v.(treeToken); ok {
			if oid, err := strconv.ParseUint(string(t), 10, 32); err == nil && oid != 0 {
				set[uint32(oid)] = true
			}
		}
	}
	for _, v := range f.values {
		if list, ok := v.(treeList); ok {
			for _, e := range list {
				add(e)
			}
			continue
		}
		add(v)
	}
}

// variable adds a column of the table itself: range table entry 1 of the level above all sub-queries.
func (r *references) variable(n *treeNode, queries int64) {
	no, ok1 := n.number("varno")
	up, ok2 := n.number("varlevelsup")
	att, ok3 := n.number("varattno")
	if !ok1 || !ok2 || !ok3 {
		r.attrs[0] = true // not understood: as if it were the whole row
		return
	}
	if no == 1 && up == queries {
		r.attrs[int16(att)] = true
	}
}
