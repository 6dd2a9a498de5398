package changes

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
)

// check is a question to Postgres about one condition when it is subscribed: is its value one of the type at all? Its
// answer holds for everybody, so it is kept with the catalog.
type check struct {
	owner, path, value string
	sql                string // {n} stands for the number of the value
}

// checked is the answer: the canonical text, or the error.
type checked struct {
	text string
	err  *evalError
}

// checkFor returns the question about a condition, if there is one.
func checkFor(t *table, col *column, c *Condition, path string) (check, bool) {
	q := check{owner: t.owner, path: path, value: c.Value}
	switch c.Op {
	case Is:
		return q, false
	case Like, ILike:
		return q, false // the pattern is only text
	case Match, IMatch:
		q.sql = "select array[('' " + sqlOperator[c.Op] + " ($2)[{n}])::text]"
	case In:
		q.sql = "select array[pg_catalog.cardinality(($2)[{n}]::text[])::text]"
	default:
		q.sql = "select array[pg_catalog.format('%s', ($2)[{n}]::" + col.plainType + ")]"
	}
	return q, true
}

// inCheck is the second question about an `in`, after its length.
func inCheck(t *table, col *column, c *Condition, path string) check {
	return check{owner: t.owner, path: path, value: c.Value, sql: "select array[pg_catalog.cardinality(($2)[{n}]::" + col.plainType + "[])::text]"}
}

// maxChecks bounds the questions of one round trip.
const maxChecks = 200

// loadChecks asks what is not known yet. Casts run code of the types' owners (domains), so they run as the table's owner.
func (c *catalog) loadChecks(ctx context.Context, s *session, wanted []check) error {
	groups := map[check][]check{} // by owner and path
	for _, q := range wanted {
		if _, known := c.checks[q]; !known {
			k := check{owner: q.owner, path: q.path}
			groups[k] = append(groups[k], q)
		}
	}
	for k, list := range groups {
		for part := range slices.Chunk(list, maxChecks) {
			statements, values := make([]string, len(part)), make([]string, len(part))
			for i, q := range part {
				statements[i], values[i] = strings.Replace(q.sql, "{n}", strconv.Itoa(i+1), 1), q.value
			}
			results, err := s.evaluate(ctx, sqlLimit, styleWire, k.owner, k.path, statements, nil, values)
			if err != nil {
				return err
			}
			for i, q := range part {
				answer := checked{err: results[i].err}
				if len(results[i].values) == 1 {
					answer.text = deref(results[i].values[0])
				}
				c.checks[q] = answer
			}
		}
	}
	return nil
}

// patternOperators finds whether the type has the operator of a pattern condition itself: like and ilike with any right
// side, match and imatch with its own type. (So varchar has none: upstream refuses it, and clients know.)
const patternOperators = `select oprleft, oprname::text, bool_or(oprleft = oprright) from pg_catalog.pg_operator
	where oprname in ('~~', '~~*', '~', '~*') and oprleft <> 0 group by 1, 2`

// patternKey is a type with an operator.
type patternKey struct {
	oid      uint32
	operator string
}

// loadPatterns reads which types have pattern operators.
func (c *catalog) loadPatterns(ctx context.Context, s *session) error {
	c.patterns = map[patternKey]bool{}
	return s.rows(ctx, func(r pgx.Rows) error {
		var k patternKey
		var same bool
		err := r.Scan(&k.oid, &k.operator, &same)
		c.patterns[k] = same
		return err
	}, patternOperators)
}

// hasPattern reports whether the column's type takes the pattern operator.
func (c *catalog) hasPattern(oid uint32, op Operator) bool {
	operator := map[Operator]string{Like: "~~", ILike: "~~*", Match: "~", IMatch: "~*"}[op]
	same, ok := c.patterns[patternKey{oid, operator}]
	return ok && (same || op == Like || op == ILike)
}
