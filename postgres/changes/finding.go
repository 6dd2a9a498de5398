package changes

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// finding is what a call for several claims says of one of them.
type finding struct {
	seen []int32 // the rows it may see, counted from 1 in the order in which they were given
	err  error   // of its statement; nothing is seen then
}

// findings calls a function of the session that asks for each claims apart, about so many rows. more are its arguments behind the role and
// the claims. The error is for the whole call: whatever it said before was rolled back with it.
func (e *Engine) findings(ctx context.Context, p *plan, limit time.Duration, function string, part []*principal, rows int, more ...any) ([]finding, error) {
	claims := make([]string, len(part))
	for i, who := range part {
		claims[i] = who.claims
	}
	said := make([]finding, len(part))
	scan := func(r pgx.Rows) error {
		var i int
		var hits []int32
		var state *string
		if err := r.Scan(&i, &hits, &state); err != nil {
			return err
		}
		if i < 1 || i > len(part) {
			return fmt.Errorf("claims %d of %d", i, len(part))
		}
		if state != nil {
			said[i-1] = finding{err: &evalError{state: *state}}
			return nil
		}
		for _, n := range hits {
			if n < 1 || int(n) > rows {
				return fmt.Errorf("row %d of %d", n, rows)
			}
		}
		said[i-1] = finding{seen: hits}
		return nil
	}
	args := append([]any{p.role, claims}, more...)
	if err := e.session.guarded(ctx, limit, styleOwn, scan, callSQL("i, hits, state", function, len(args)), args...); err != nil {
		return nil, err
	}
	return said, nil
}
