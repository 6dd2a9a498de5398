package changes

import (
	"errors"
	"slices"
	"strings"
)

// Operator is the comparison of a [Condition].
type Operator string

// The operators of the filter grammar, as written in it.
const (
	Eq         Operator = "eq"
	Neq        Operator = "neq"
	Lt         Operator = "lt"
	Lte        Operator = "lte"
	Gt         Operator = "gt"
	Gte        Operator = "gte"
	In         Operator = "in"
	Like       Operator = "like"
	ILike      Operator = "ilike"
	Is         Operator = "is"
	Match      Operator = "match"
	IMatch     Operator = "imatch"
	IsDistinct Operator = "isdistinct"
)

var operators = []Operator{Eq, Neq, Lt, Lte, Gt, Gte, In, Like, ILike, Is, Match, IMatch, IsDistinct}

// Condition is one comparison of a filter: column=[not.]operator.value.
type Condition struct {
	Column string
	Op     Operator
	// Value is the text right of the operator without its quotes; of In it is a Postgres array literal, {…}.
	Value  string
	Negate bool
}

// String writes the condition in the grammar. What [ParseSpec] made reads back as the same condition.
func (c Condition) String() string {
	var b strings.Builder
	b.WriteString(c.Column)
	b.WriteByte('=')
	if c.Negate {
		b.WriteString("not.")
	}
	b.WriteString(string(c.Op))
	b.WriteByte('.')
	if c.Op == In {
		b.WriteString("(" + c.Value[1:len(c.Value)-1] + ")")
		return b.String()
	}
	b.WriteByte('"')
	for i := range len(c.Value) {
		if c.Value[i] == '"' || c.Value[i] == '\\' {
			b.WriteByte('\\')
		}
		b.WriteByte(c.Value[i])
	}
	b.WriteByte('"')
	return b.String()
}

// parseFilter reads a filter: conditions parted by commas. A blank one has none. The errors are the second half of what
// the client is told.
func parseFilter(text string) ([]Condition, error) {
	if strings.TrimSpace(text) == "" {
		return nil, nil
	}
	var out []Condition
	for _, segment := range splitFilter(text) {
		segment = strings.TrimSpace(segment)
		if segment == "" {
			return nil, errors.New("filter must not contain empty segments (check for extra commas)")
		}
		c, err := parseCondition(segment)
		if err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, nil
}

// splitFilter cuts at the commas that stand outside of parentheses and quotes. A quote opens only where a value or an
// element begins; what is not closed swallows the rest.
func splitFilter(text string) []string {
	var out []string
	depth, start, quoted := 0, 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quoted && c == '\\':
			i++
		case quoted:
			quoted = c != '"'
		case c == '"':
			quoted = i > 0 && strings.IndexByte(".(,", text[i-1]) >= 0
		case c == '(':
			depth++
		case c == ')':
			depth = max(depth-1, 0)
		case c == ',' && depth == 0:
			out = append(out, text[start:i])
			start = i + 1
		}
	}
	return append(out, text[start:])
}

// parseCondition reads one condition. The column is taken verbatim: no quotes, no folding.
func parseCondition(segment string) (Condition, error) {
	column, rest, ok := strings.Cut(segment, "=")
	if !ok {
		return Condition{}, malformed(segment)
	}
	rest, negate := strings.CutPrefix(rest, "not.")
	name, value, ok := strings.Cut(rest, ".")
	if !ok {
		return Condition{}, malformed(rest)
	}
	if !slices.Contains(operators, Operator(name)) {
		return Condition{}, malformed(name, value)
	}
	c := Condition{Column: column, Op: Operator(name), Negate: negate}
	if c.Op == In {
		if len(value) < 2 || value[0] != '(' || value[len(value)-1] != ')' {
			return Condition{}, errors.New("`in` filter value must be wrapped by parentheses")
		}
		c.Value = "{" + value[1:len(value)-1] + "}"
		return c, nil
	}
	c.Value = unquote(value)
	return c, nil
}

// malformed is upstream's rendering of a condition that it could not match.
func malformed(parts ...string) error { return errors.New(inspect(stringsTerm(parts))) }

// unquote takes the quotes off a value that is quoted as a whole; anything else is literal.
func unquote(value string) string {
	if len(value) < 2 || value[0] != '"' {
		return value
	}
	var b strings.Builder
	for i := 1; i < len(value); i++ {
		switch c := value[i]; {
		case c == '"' && i == len(value)-1:
			return b.String()
		case c == '"':
			return value // text after the closing quote
		case c == '\\' && i+1 < len(value):
			i++
			b.WriteByte(value[i])
		default:
			b.WriteByte(c)
		}
	}
	return value // never closed
}
