package changes

import "fmt"

// survey is what decides whether a policy can be asked about a row's image, that is, without the table: what its tree is
// made of. Everything that this code does not know for certain is an objection.
type survey struct {
	objection string          // the first; "" for none
	implicit  map[uint32]bool // functions of casts that Postgres does not write
	coercions [][2]uint32     // types that are cast through their text: from, to
	hidden    bool            // one of those is not written
	rels      map[uint32]bool // tables that sub-queries read
}

// knownNodes are the nodes whose meaning in an image is the same as in a table.
var knownNodes = wordSet(`VAR CONST PARAM OPEXPR FUNCEXPR BOOLEXPR SUBLINK QUERY RANGETBLENTRY RTE RTEPERMISSIONINFO RANGETBLFUNCTION
	RANGETBLREF FROMEXPR JOINEXPR TARGETENTRY ALIAS SORTGROUPCLAUSE AGGREF DISTINCTEXPR NULLIFEXPR SCALARARRAYOPEXPR
	RELABELTYPE COERCEVIAIO ARRAYCOERCEEXPR CASEEXPR CASE CASEWHEN WHEN CASETESTEXPR ARRAYEXPR ARRAY COALESCEEXPR COALESCE
	MINMAXEXPR MINMAX SQLVALUEFUNCTION NULLTEST BOOLEANTEST SUBSCRIPTINGREF COLLATEEXPR COLLATE`)

func newSurvey() *survey {
	return &survey{implicit: map[uint32]bool{}, rels: map[uint32]bool{}}
}

func (s *survey) object(format string, args ...any) {
	if s.objection == "" {
		s.objection = fmt.Sprintf(format, args...)
	}
}

// walk looks at a tree. self is the table that the policy is of.
func (s *survey) walk(v any, self uint32) {
	switch x := v.(type) {
	case treeList:
		for _, e := range x {
			s.walk(e, self)
		}
	case *treeNode:
		s.node(x, self)
		for _, f := range x.fields {
			for _, e := range f.values {
				s.walk(e, self)
			}
		}
	}
}

func (s *survey) node(n *treeNode, self uint32) {
	if !knownNodes[n.label] {
		s.object("an expression of kind %s", n.label)
		return
	}
	const implicitCast = 2
	switch n.label {
	case "FUNCEXPR":
		if f, ok := n.number("funcformat"); ok && f == implicitCast {
			if oid, ok := n.number("funcid"); ok {
				s.implicit[uint32(oid)] = true
			}
		}
	case "COERCEVIAIO":
		to, _ := n.number("resulttype")
		s.coercions = append(s.coercions, [2]uint32{n.child("arg").valueType(), uint32(to)})
		f, ok := n.number("coerceformat")
		s.hidden = s.hidden || !ok || f == implicitCast
	case "ARRAYCOERCEEXPR":
		f, ok := n.number("coerceformat")
		s.hidden = s.hidden || !ok || f == implicitCast
	case "PARAM":
		if kind, ok := n.number("paramkind"); !ok || kind != 2 {
			s.object("a parameter")
		}
	case "RANGETBLENTRY", "RTE":
		s.rangeTable(n, self)
	}
}

// rangeTable looks at what a sub-query reads.
func (s *survey) rangeTable(n *treeNode, self uint32) {
	const relation, subquery, join, function = 0, 1, 2, 3
	kind, ok := n.number("rtekind")
	switch {
	case ok && kind == relation:
		oid, ok := n.number("relid")
		switch {
		case !ok:
			s.object("a table that could not be read")
		case uint32(oid) == self:
			s.object("a sub-query on the table itself")
		default:
			s.rels[uint32(oid)] = true
		}
	case !ok || kind != subquery && kind != join && kind != function:
		s.object("a sub-query with something else than tables and functions")
	}
}

// child returns the node that a field holds, nil if it holds none.
func (n *treeNode) child(field string) *treeNode {
	for _, f := range n.fields {
		if f.name == field && len(f.values) == 1 {
			c, _ := f.values[0].(*treeNode)
			return c
		}
	}
	return nil
}

// valueType returns the OID of the type of a node's value, 0 if it is not known.
func (n *treeNode) valueType() uint32 {
	if n == nil {
		return 0
	}
	field := map[string]string{
		"VAR": "vartype", "CONST": "consttype", "PARAM": "paramtype", "OPEXPR": "opresulttype", "FUNCEXPR": "funcresulttype",
		"RELABELTYPE": "resulttype", "COERCEVIAIO": "resulttype", "ARRAYCOERCEEXPR": "resulttype", "CASEEXPR": "casetype", "CASE": "casetype",
		"CASETESTEXPR": "typeId", "ARRAYEXPR": "array_typeid", "ARRAY": "array_typeid", "COALESCEEXPR": "coalescetype", "COALESCE": "coalescetype",
		"MINMAXEXPR": "minmaxtype", "MINMAX": "minmaxtype", "SQLVALUEFUNCTION": "type", "NULLIFEXPR": "opresulttype", "AGGREF": "aggtype",
		"SUBSCRIPTINGREF": "refrestype",
	}[n.label]
	if n.label == "BOOLEXPR" || n.label == "NULLTEST" || n.label == "BOOLEANTEST" || n.label == "SCALARARRAYOPEXPR" || n.label == "DISTINCTEXPR" {
		return 16
	}
	if n.label == "COLLATEEXPR" || n.label == "COLLATE" {
		return n.child("arg").valueType()
	}
	if n.label == "SUBLINK" {
		return n.child("subselect").firstTarget()
	}
	oid, _ := n.number(field)
	return uint32(oid)
}

// firstTarget is the type of a query's first column.
func (n *treeNode) firstTarget() uint32 {
	if n == nil {
		return 0
	}
	for _, f := range n.fields {
		if f.name != "targetList" || len(f.values) != 1 {
			continue
		}
		if list, ok := f.values[0].(treeList); ok && len(list) > 0 {
			if target, ok := list[0].(*treeNode); ok {
				return target.child("expr").valueType()
			}
		}
	}
	return 0
}

// textSafe are the types whose text is the same under any setting of a session; textStyled those whose text depends on
// date and time settings, which the session shares with whoever wrote the policy's constants.
var (
	textSafe   = oidSet(16, 17, 18, 19, 20, 21, 23, 25, 26, 114, 650, 829, 869, 1042, 1043, 1560, 1562, 1700, 2950, 3802)
	textStyled = oidSet(700, 701, 1082, 1083, 1114, 1184, 1186, 1266)
	// textArrays are the arrays of safe types.
	textArrays = oidSet(1000, 1001, 1002, 1003, 1016, 1005, 1007, 1009, 1028, 199, 651, 1040, 1041, 1014, 1015, 1561, 1563, 1231, 2951, 3807)
	// styledArrays are those of the others.
	styledArrays = oidSet(1021, 1022, 1182, 1183, 1115, 1185, 1187, 1270)
)

func oidSet(oids ...uint32) map[uint32]bool {
	set := map[uint32]bool{}
	for _, oid := range oids {
		set[oid] = true
	}
	return set
}
