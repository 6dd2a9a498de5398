package changes

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// needs are the facts that are missing to judge subscriptions.
type needs struct {
	publication, patterns bool
	roles                 map[string]bool
	tables                map[uint32]bool
	plans                 map[string]map[uint32]bool
	checks                []check
}

func newNeeds() *needs {
	return &needs{roles: map[string]bool{}, tables: map[uint32]bool{}, plans: map[string]map[uint32]bool{}}
}

func (n *needs) none() bool {
	return !n.publication && !n.patterns && len(n.roles)+len(n.tables)+len(n.plans)+len(n.checks) == 0
}

// plan asks for the plan of a role on a table.
func (n *needs) plan(role string, oid uint32) {
	if n.plans[role] == nil {
		n.plans[role] = map[uint32]bool{}
	}
	n.plans[role][oid] = true
}

// examiner judges subscriptions by the catalog, in the order of upstream's insert trigger, so that of several mistakes
// the client hears of the same one. What it misses goes to needs; a verdict counts only once nothing is missing.
type examiner struct {
	*catalog
	needs *needs
	path  string // the session's search_path
}

// tablesOf returns the tables that the spec means: those of its names, and those that it meant before. One that was
// renamed is followed until another has its name. One that left the publication is, too: what is streamed of it was
// committed while it was published.
func (x *examiner) tablesOf(s *Spec, followed []uint32) []uint32 {
	if x.publication.tables == nil {
		x.needs.publication = true
		return nil
	}
	oids := x.publication.match(s)
	exact := s.Schema != wildcard && s.Table != wildcard
	found := len(oids)
	for _, oid := range followed {
		_, published := x.publication.tables[oid]
		if exact && found == 0 || !exact && !published {
			oids = append(oids, oid)
		}
	}
	slices.Sort(oids)
	return oids
}

// published reports whether one of the tables can have new rows.
func (x *examiner) published(oids []uint32) bool {
	return slices.ContainsFunc(oids, func(oid uint32) bool {
		_, yes := x.publication.tables[oid]
		return yes
	})
}

// examine judges one spec of a role on one table.
func (x *examiner) examine(role string, s *Spec, oid uint32) *evalError {
	t, loaded := x.tables[oid]
	if !loaded {
		x.needs.tables[oid] = true
		return nil
	}
	if t == nil {
		return nil // dropped a moment ago
	}
	var p *plan
	if role != "" {
		exists, known := x.roles[role]
		if !known {
			x.needs.roles[role] = true
			return nil
		}
		if !exists {
			return &evalError{state: "42704", message: fmt.Sprintf(`role "%s" does not exist`, role)} //nolint:gocritic // not %q: Postgres escapes nothing
		}
		if p = t.plans[role]; p == nil {
			x.needs.plan(role, oid)
			return nil
		}
	}
	for i := range s.Filters {
		c := &s.Filters[i]
		at := t.columnIndex(c.Column)
		if at < 0 || p == nil || !p.selectable[at] {
			return raised("invalid column for filter " + c.Column)
		}
		if err := x.condition(t, &t.columns[at], c); err != nil {
			return err
		}
	}
	for _, column := range s.Select {
		if at := t.columnIndex(column); at < 0 || p == nil || !p.selectable[at] {
			return raised("invalid column for select " + column)
		}
	}
	if p == nil {
		const message = `null value in column "claims_role" of relation "subscription" violates not-null constraint`
		return &evalError{state: "23502", message: message, table: "subscription", column: "claims_role"}
	}
	return nil
}

// condition judges one condition on a column that the role may read.
func (x *examiner) condition(t *table, col *column, c *Condition) *evalError {
	switch c.Op {
	case Is:
		return checkIs(col, c.Value)
	case Eq, Neq, Lt, Lte, Gt, Gte, In, IsDistinct:
	case Like, ILike, Match, IMatch:
		if x.patterns == nil {
			x.needs.patterns = true
			return nil
		}
		if !x.hasPattern(col.oid, c.Op) {
			return raised("operator " + string(c.Op) + " requires a text-compatible column type, got " + col.shown)
		}
	}
	q, ask := checkFor(t, col, c, x.path)
	if !ask {
		return nil
	}
	answer, known := x.checks[q]
	if !known {
		x.needs.checks = append(x.needs.checks, q)
		return nil
	}
	switch {
	case answer.err != nil && (c.Op == Match || c.Op == IMatch):
		return raised("invalid regular expression for " + string(c.Op) + " filter: " + answer.err.message)
	case answer.err != nil:
		return answer.err.of(col)
	case c.Op == In:
		return x.inValues(t, col, c, answer.text)
	}
	return nil
}

// inValues judges the length of an `in` list, then its elements.
func (x *examiner) inValues(t *table, col *column, c *Condition, length string) *evalError {
	if n, err := strconv.Atoi(length); err != nil || n > maxInValues {
		return raised(fmt.Sprintf("too many values for `in` filter. Maximum %d", maxInValues))
	}
	q := inCheck(t, col, c, x.path)
	answer, known := x.checks[q]
	if !known {
		x.needs.checks = append(x.needs.checks, q)
	}
	return answer.err.of(col)
}

func checkIs(col *column, word string) *evalError {
	switch word {
	case "null":
		return nil
	case "true", "false", "unknown":
		if col.oid == 16 {
			return nil
		}
		return raised("is " + word + " filter requires a boolean column, got " + col.shown)
	}
	return raised("invalid value for is filter: must be null, true, false, or unknown")
}

// compile makes the entry of one spec on one table; everything it needs is known.
func (x *examiner) compile(sub *subscriber, s *Spec, t *table) *entry {
	p := t.plans[sub.Role]
	e := &entry{sub: sub, spec: s, ids: []int64{s.ID}, table: t, plan: p, shape: t.shapeFor(p, s.Select), fault: p.fault}
	e.events = [opCount]bool{
		opInsert: s.Event == wildcard || s.Event == "INSERT",
		opUpdate: s.Event == wildcard || s.Event == "UPDATE",
		opDelete: s.Event == wildcard || s.Event == "DELETE",
	}
	if s.Select != nil {
		e.selection = fmt.Sprintf("%q", slices.Sorted(slices.Values(s.Select)))
	}
	var rest []Condition
	for _, c := range s.Filters {
		at := t.columnIndex(c.Column)
		col := &t.columns[at]
		kind := canonOf(col)
		q, _ := checkFor(t, col, &c, x.path)
		if c.Op == Eq && !c.Negate && kind != canonNone && lasting(col, c.Value) {
			e.eqs = append(e.eqs, equality{column: at, canon: kind, values: []string{string(kind.of([]byte(x.checks[q].text)))}})
			continue
		}
		if values := x.inTexts(t, col, &c); len(values) > 0 {
			e.eqs = append(e.eqs, equality{column: at, canon: kind, values: values})
			continue
		}
		rest = append(rest, c)
	}
	slices.SortStableFunc(e.eqs, func(a, b equality) int { return len(a.values) - len(b.values) }) // the index has the first
	if len(rest) > 0 {
		k := filterKey{table: t.oid, conditions: conditionsKey(rest)}
		if x.filters[k] == nil {
			x.filters[k] = newRowFilter(t, rest, x.path)
		}
		e.rest = x.filters[k]
	}
	return e
}

// inTexts returns the canonical values of an `in`, each once, if they can be compared here.
func (x *examiner) inTexts(t *table, col *column, c *Condition) []string {
	kind := canonOf(col)
	if c.Op != In || c.Negate || kind == canonNone || !lasting(col, c.Value) {
		return nil
	}
	var out []string
	for _, v := range x.checks[inCheck(t, col, c, x.path)].values {
		if text := string(kind.of([]byte(v))); !slices.Contains(out, text) {
			out = append(out, text)
		}
	}
	return out
}

// lasting tells values that mean the same tomorrow from inputs like "today", which are to be read anew each time.
func lasting(col *column, value string) bool {
	switch col.base {
	case 1082, 1083, 1114: // date, time, timestamp
		return strings.IndexFunc(value, func(c rune) bool { return (c < '0' || c > '9') && !strings.ContainsRune(`-:. T{},"`, c) }) < 0
	}
	return true
}
