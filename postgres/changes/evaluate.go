package changes

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"realtime/postgres"
)

// evalError is an error of somebody's SQL: a policy, a filter, a cast. Its message may quote values that the subscriber
// may not see, so only subscribe-time checks, whose only value is the subscriber's own, show it: see of.
type evalError struct {
	state, message, detail, hint string
	table, column                string // only of the errors that stand for upstream's own
	// foreign: it came out of the body of somebody's function.
	foreign bool
}

// Error names the SQLSTATE alone, because errors are logged.
func (e *evalError) Error() string { return "SQLSTATE " + e.state }

// of is the error of a value of the column as its subscriber may read it. What Postgres itself says of a value quotes that
// value alone, and clients know its words; what the code of somebody's type says may quote anything that it has read.
func (e *evalError) of(col *column) *evalError {
	if e == nil || !e.foreign || col.schema == "pg_catalog" {
		return e
	}
	return &evalError{state: e.state, message: "raised by the code of type " + col.shown}
}

// permanent reports errors that no other row changes: a function, operator or column that does not exist.
func (e *evalError) permanent() bool {
	switch e.state {
	case "42883", "42725", "42804", "42846", "42704", "0A000": // undefined, ambiguous, mismatch, cannot coerce, object, not supported
		return true
	}
	return false
}

// passing reports errors that are nobody's fault and go away: a lock held by a migration, a conflict, a full server.
// Rows are asked again after them.
func passing(state string) bool {
	switch state {
	case "55P03", "40001", "40P01", "57P03":
		return true
	}
	return len(state) == 5 && state[:2] == "53"
}

// evalResult is the outcome of one statement: texts, nil for NULL, or an error.
type evalResult struct {
	values []*string
	err    *evalError
}

const evaluateSQL = "select i, result, state, message, detail, hint, foreign_code from pg_temp.realtime_evaluate($1, $2, $3, $4, $5)"

// evaluate runs statements as role who under a search_path ("": as it is), each in a subtransaction that is rolled back.
// All see v as $1 and constants as $2. The error is for the whole call: a timeout, or the connection.
func (s *session) evaluate(ctx context.Context, limit time.Duration, k style, who, path string, statements []string, v []*string, constants []string) ([]evalResult, error) {
	if v == nil {
		v = []*string{}
	}
	if constants == nil {
		constants = []string{}
	}
	out := make([]evalResult, len(statements))
	scan := func(r pgx.Rows) error {
		var i int
		var values []*string
		var state, message, detail, hint *string
		var foreign *bool
		if err := r.Scan(&i, &values, &state, &message, &detail, &hint, &foreign); err != nil {
			return err
		}
		if i < 1 || i > len(out) {
			return fmt.Errorf("statement %d of %d", i, len(out))
		}
		if out[i-1].values = values; state != nil {
			out[i-1].err = &evalError{state: *state, message: deref(message), detail: deref(detail), hint: deref(hint), foreign: foreign == nil || *foreign}
		}
		return nil
	}
	err := s.guarded(ctx, limit, k, scan, evaluateSQL, who, statements, path, v, constants)
	return out, err
}

// asEvalError turns the error of a whole call into one that can be held against a subscriber.
func asEvalError(err error) *evalError {
	if e, ok := errors.AsType[*evalError](err); ok {
		return e
	}
	return &evalError{state: postgres.State(err), message: "the check took too long or could not be made"}
}
