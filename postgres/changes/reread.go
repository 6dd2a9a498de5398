package changes

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"realtime/postgres"
)

const (
	// sliceTime is how long policies are asked about before the inbox is looked at again.
	sliceTime = 100 * time.Millisecond
	// rereadLimit bounds one call of many principals.
	rereadLimit = time.Second
	// firstSlice and maxSlice are how many principals are asked at first and at most in one call.
	firstSlice = 50
	maxSlice   = 5000
)

// reread asks by reading the rows again as each principal (T3): one statement for each claims, all in one call of a
// function, cut into slices of about half of sliceTime.
func (e *Engine) reread(ctx context.Context, b *batch, j *job) error {
	keys, ok := j.keys()
	if !ok {
		return nil // nothing to ask by: denied
	}
	if err := e.session.function(ctx, j.plan.rereadName(), j.plan.rereadSQL); err != nil {
		return err
	}
	rest := j.principals
	for len(rest) > 0 {
		slice := min(max(j.plan.pace, 1), len(rest))
		part := rest[:slice]
		rest = rest[slice:]
		began := time.Now()
		err := e.rereadCall(ctx, b, j, part, keys)
		switch {
		case err == nil:
			j.plan.keepPace(slice, time.Since(began))
		case e.session.lost() || ctx.Err() != nil || passing(postgres.State(err)):
			return err
		default:
			j.plan.pace = 1
			if err := e.probePrincipals(ctx, b, j, part); err != nil {
				return err
			}
		}
		if err := e.breather(ctx, b); err != nil {
			return err
		}
	}
	return nil
}

// keepPace chooses the size of the next slice from the time that one of size n took.
func (p *plan) keepPace(n int, took time.Duration) {
	const aim = sliceTime / 2
	next := float64(n) * float64(aim) / float64(max(took, time.Millisecond))
	p.pace = min(max(int(next), 1), 4*n, maxSlice)
}

// rereadCall asks for some principals about all rows of the job. Whose statement fails is asked row by row.
func (e *Engine) rereadCall(ctx context.Context, b *batch, j *job, part []*principal, keys []any) error {
	claims := make([]string, len(part))
	for i, p := range part {
		claims[i] = p.claims
	}
	var failed []*principal
	seen := make([][]int32, len(part))
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
			failed = append(failed, part[i-1])
			return nil
		}
		seen[i-1] = hits
		return nil
	}
	args := append([]any{j.plan.role, claims}, keys...)
	if err := e.session.guarded(ctx, rereadLimit, styleOwn, scan, callSQL("i, hits, state", j.plan.rereadName(), len(args)), args...); err != nil {
		return err // whatever it said before was rolled back with it
	}
	for i, hits := range seen {
		for _, n := range hits {
			if n < 1 || int(n) > len(j.rows) {
				return fmt.Errorf("row %d of %d", n, len(j.rows))
			}
			part[i].allowed(j.rows[n-1], b)
		}
	}
	if len(failed) == 0 {
		return nil
	}
	return e.probePrincipals(ctx, b, j, failed)
}

// keys are the primary keys of the job's rows, an array for each column.
func (j *job) keys() ([]any, bool) {
	var out []any
	for _, k := range j.plan.table.key {
		keys, ok := keyArray(k.column, j.rows)
		if !ok {
			return nil, false
		}
		out = append(out, keys)
	}
	return out, true
}

// callSQL calls a function of the session with n arguments.
func callSQL(columns, function string, n int) string {
	args := make([]string, n)
	for i := range args {
		args[i] = fmt.Sprintf("$%d", i+1)
	}
	return "select " + columns + " from " + function + "(" + strings.Join(args, ", ") + ")"
}

func (p *plan) rereadName() string { return fmt.Sprintf("pg_temp.realtime_reread_%d", p.serial) }

// function makes sure that a function of the session exists.
func (s *session) function(ctx context.Context, name string, sql func() string) error {
	if s.functions[name] || s.fresh[name] {
		return nil
	}
	if err := s.guarded(ctx, sqlLimit, styleOwn, func(pgx.Rows) error { return nil }, sql()); err != nil {
		return fmt.Errorf("make a function: %w", err)
	}
	s.fresh[name] = true
	return nil
}

// rereadSQL makes the function. It returns, for each claims, the numbers of the rows that the role can read, or the
// SQLSTATE. Keys become typed before the role changes, since the role may have no access to the schema of a type. The
// inner query is fenced off by its offset: it is the one that policies guard, an index scan by key; images never join
// below it.
func (p *plan) rereadSQL() string {
	params, declare := p.keyParameters()
	statement := p.rereadStatement()
	ask := strings.Replace(statement, "{into}", "into realtime_got", 1)
	if p.replan {
		ask = "execute " + quoteLiteral(p.numbered(strings.Replace(statement, "{into}", "", 1))) + " into realtime_got using " + p.keyVariables()
	}
	if p.discard {
		ask = "execute 'discard plans';\n" + ask
	}
	return `create or replace function ` + p.rereadName() + `(realtime_who text, realtime_claims text[]` + params + `)
returns table (i int, hits int[], state text) language plpgsql set plan_cache_mode = force_generic_plan as ` + quoteLiteral(`
declare
	realtime_got int[];
	realtime_c text;
	realtime_done bool;
`+declare+`begin
	i := 0;
	foreach realtime_c in array realtime_claims loop
		i := i + 1; hits := null; state := null; realtime_got := null; realtime_done := false;
		begin
			`+becomeSQL+`
			`+ask+`;
			realtime_done := true;
			raise exception using errcode = 'RT000';
		exception
			when others then
				if realtime_done then
					hits := realtime_got;
				else
					state := sqlstate;
				end if;
		end;
		if hits is not null or state is not null then
			return next;
		end if;
	end loop;
end`)
}

// becomeSQL takes on a principal until the subtransaction ends.
const becomeSQL = `perform pg_catalog.set_config('request.jwt.claims', realtime_c, true), pg_catalog.set_config('role', realtime_who, true);
			if current_user::text <> realtime_who then
				raise exception using errcode = '42501';
			end if;`
