package changes

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

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
	// maxSuspects bounds what is remembered of one plan; many of them may be gone.
	maxSuspects = 10_000
)

// reread asks by reading the rows again as each principal (T3): one statement for each claims, all in one call of a
// function, cut into slices of about half of sliceTime.
//
// Principals whose statement raised an error before are suspects: they are asked carefully and apart, so that one
// malformed token does not make the question dearer for everybody, batch after batch.
func (e *Engine) reread(ctx context.Context, b *batch, j *job) error {
	if err := e.session.function(ctx, j.plan.rereadName(), j.plan.rereadSQL); err != nil {
		if !e.fatal(ctx, b, err) {
			j.fail(b, err)
			return nil
		}
		return err
	}
	var trusted, suspects []*principal
	for _, p := range j.principals {
		if j.plan.suspects[p] {
			suspects = append(suspects, p)
		} else {
			trusted = append(trusted, p)
		}
	}
	if err := e.rereadSlices(ctx, b, j, trusted, false); err != nil {
		return err
	}
	return e.rereadSlices(ctx, b, j, suspects, true)
}

// rereadSlices asks for some principals, as many at a time as the plan's pace says.
func (e *Engine) rereadSlices(ctx context.Context, b *batch, j *job, rest []*principal, careful bool) error {
	for len(rest) > 0 {
		if err := e.still(ctx, b, j); err != nil {
			return err
		}
		q, ok := j.question()
		if !ok || len(q.rows) == 0 {
			return nil // nothing to ask by: denied
		}
		slice := min(max(j.plan.pace, 1), len(rest))
		part := rest[:slice]
		rest = rest[slice:]
		began := time.Now()
		err := e.rereadCall(ctx, b, j, part, q, careful)
		if err != nil && !careful && !postgres.IsQueryCanceled(err) && !e.fatal(ctx, b, err) {
			err = e.rereadCall(ctx, b, j, part, q, true)
		}
		switch {
		case err == nil:
			j.plan.keepPace(slice, time.Since(began))
		case e.fatal(ctx, b, err):
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

// fatal reports errors that are not the question's and end the attempt: the connection, the context, and what passes as
// long as there is patience.
func (e *Engine) fatal(ctx context.Context, b *batch, err error) bool {
	if err == nil {
		return false
	}
	return e.session.lost() || ctx.Err() != nil || !b.patient && (passing(stateOf(err)) || errors.Is(err, errPassing))
}

// fail notes that none of the job's questions could be asked.
func (j *job) fail(b *batch, err error) {
	for _, p := range j.principals {
		b.fail(j.plan.table, err, nil, p)
	}
}

// keepPace chooses the size of the next slice from the time that one of size n took.
func (p *plan) keepPace(n int, took time.Duration) {
	const aim = sliceTime / 2
	next := float64(n) * float64(aim) / float64(max(took, time.Millisecond))
	p.pace = min(max(int(next), 1), 4*n, maxSlice)
}

// rereadCall asks for some principals about all rows of the job. careful catches the error of each one's statement, so
// that it costs the others nothing; without it any error is the whole call's.
func (e *Engine) rereadCall(ctx context.Context, b *batch, j *job, part []*principal, q *inquiry, careful bool) error {
	said, err := e.findings(ctx, j.plan, rereadLimit, j.plan.rereadName(), part, len(q.rows), append([]any{careful}, q.keys...)...)
	if err != nil {
		return err
	}
	var failed []*principal
	for i, f := range said {
		if f.err != nil {
			failed = append(failed, part[i])
		}
		for _, n := range f.seen {
			for _, r := range q.rows[n-1] {
				part[i].allowed(r, false, b)
			}
		}
	}
	if len(failed) == 0 {
		return nil
	}
	for _, p := range failed {
		j.plan.suspect(p)
	}
	return e.probePrincipals(ctx, b, j, failed)
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
	if err := s.guardedExec(ctx, sql()); err != nil {
		return fmt.Errorf("make a function: %w", err)
	}
	s.fresh[name] = true
	return nil
}

// rereadSQL makes the function. It returns, for each claims, the numbers of the rows that the role can read, or the
// SQLSTATE. Keys become typed before the role changes, since the role may have no access to the schema of a type, and
// rows are found by their key alone.
//
// Policies of this tier change no settings (what might does not get here), so claims follow each other in one
// transaction; should one have changed the role all the same, the call fails and is made again carefully.
func (p *plan) rereadSQL() string {
	params, declare := p.rereadParameters()
	ask := p.rereadAsk(p.rereadStatement())
	volatility := "stable" // no new snapshot for each statement
	if p.discard {
		ask, volatility = "execute 'discard plans';\n"+ask, "volatile"
	}
	return "create or replace function " + p.rereadName() + "(realtime_who text, realtime_claims text[], realtime_careful bool" + params + `)
returns table (i int, hits int[], state text) language plpgsql ` + volatility + ` set plan_cache_mode = force_generic_plan set enable_seqscan = off as ` + quoteLiteral(`
declare
	realtime_got int[];
	realtime_c text;
`+declare+loopSQL(ask, ask))
}

// rereadAsk is a query as a statement of PL/pgSQL: planned once, or anew each time.
func (p *plan) rereadAsk(query string) string {
	if !p.replan {
		return strings.Replace(query, "{into}", "into realtime_got", 1)
	}
	return "execute " + quoteLiteral(p.numbered(strings.Replace(query, "{into}", "", 1))) + " into realtime_got using " + p.keyVariables()
}

// becomeSQL takes on claims, as the role that was taken on before: one expression, since a statement costs ten times as much.
const becomeSQL = `if pg_catalog.set_config('request.jwt.claims', realtime_c, true) is null or current_user::text <> realtime_who then
				raise exception using errcode = '42501';
			end if;`

// loopSQL is the rest of a function that asks a question for each claims. Careful, it asks in a subtransaction that is
// rolled back, whatever comes of it, and in the words of careful.
func loopSQL(ask, careful string) string {
	return `	realtime_done bool;
begin
	i := 0;
	perform pg_catalog.set_config('role', realtime_who, true);
	foreach realtime_c in array realtime_claims loop
		i := i + 1; hits := null; state := null; realtime_got := null; realtime_done := false;
		if realtime_careful then
			begin
				` + becomeSQL + `
				` + careful + `;
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
		else
			` + becomeSQL + `
			` + ask + `;
			hits := realtime_got;
		end if;
		if hits is not null or state is not null then
			return next;
		end if;
	end loop;
	if current_user::text <> realtime_who then
		raise exception using errcode = '42501';
	end if;
	perform pg_catalog.set_config('role', 'none', true), pg_catalog.set_config('request.jwt.claims', '', true);
end`
}
