package changes

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"realtime/postgres"
)

// check is a question to Postgres about one condition when it is subscribed: is its value one of the type at all? Its
// answer holds for everybody, so it is kept with the catalog.
type check struct {
	owner, path, value string
	sql                string // {n} stands for the number of the value
}

// checked is the answer: the canonical text, or texts, or the error.
type checked struct {
	text   string
	values []string
	err    *evalError
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

// inCheck is the second question about an `in`, after its length: the canonical texts of its elements.
func inCheck(t *table, col *column, c *Condition, path string) check {
	return check{owner: t.owner, path: path, value: c.Value, sql: "select array(select pg_catalog.format('%s', x) from pg_catalog.unnest(($2)[{n}]::" +
		col.plainType + "[]) as x where pg_catalog.num_nulls(x) = 0)"}
}

const (
	// maxChecks bounds the questions of one round trip, keptChecks the answers that are kept.
	maxChecks  = 200
	keptChecks = 20_000
	// checkLimit bounds one round trip, checkBudget what all of those that had to be asked again in smaller parts may take.
	checkLimit  = 500 * time.Millisecond
	checkBudget = 3 * time.Second
)

// loadChecks asks what is not known yet. Casts run code of the types' owners (domains), so they run as the table's owner.
func (c *catalog) loadChecks(ctx context.Context, s *session, wanted []check) error {
	groups := map[check][]check{} // by owner and path
	for _, q := range wanted {
		if _, known := c.checks[q]; !known {
			k := check{owner: q.owner, path: q.path}
			groups[k] = append(groups[k], q)
		}
	}
	budget := checkBudget
	for k, list := range groups {
		for part := range slices.Chunk(list, maxChecks) {
			if err := c.ask(ctx, s, k, part, &budget); err != nil {
				return err
			}
		}
	}
	return nil
}

// ask asks some questions at once. If that takes too long, as some regular expressions do, they are asked in halves, so
// that one costs the others nothing; what cannot be asked in the time there is for it is refused.
func (c *catalog) ask(ctx context.Context, s *session, k check, part []check, budget *time.Duration) error {
	statements, values := make([]string, len(part)), make([]string, len(part))
	for i, q := range part {
		statements[i], values[i] = strings.Replace(q.sql, "{n}", strconv.Itoa(i+1), 1), q.value
	}
	began := time.Now()
	results, err := s.evaluate(ctx, checkLimit, styleWire, k.owner, k.path, statements, nil, values)
	if postgres.IsQueryCanceled(err) && ctx.Err() == nil {
		*budget -= time.Since(began)
		if len(part) == 1 || *budget <= 0 {
			for _, q := range part {
				c.checks[q] = checked{err: &evalError{state: "57014", message: "canceling statement due to statement timeout"}}
			}
			return nil
		}
		if err := c.ask(ctx, s, k, part[:len(part)/2], budget); err != nil {
			return err
		}
		return c.ask(ctx, s, k, part[len(part)/2:], budget)
	}
	if err != nil {
		return err
	}
	for i, q := range part {
		answer := checked{err: results[i].err}
		for _, v := range results[i].values {
			answer.values = append(answer.values, deref(v))
		}
		if len(answer.values) == 1 {
			answer.text = answer.values[0]
		}
		c.checks[q] = answer
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
