package changes

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"realtime/postgres"
)

const (
	// probeLimit bounds one call of several probes, probeAlone that of one row and claims.
	probeLimit = time.Second
	probeAlone = 250 * time.Millisecond
	// probeRows is how many rows one call asks about at most.
	probeRows = 200
)

// probe asks about each row and principal alone (T4): a statement of its own, planned anew, in a subtransaction that is
// rolled back, so that nothing a policy does reaches the next question.
func (e *Engine) probe(ctx context.Context, b *batch, j *job) error {
	return e.probePrincipals(ctx, b, j, j.principals)
}

// probePrincipals probes some principals of a job. It is also where errors of the other tiers are narrowed down: an
// error that is still one here denies this row to this principal.
func (e *Engine) probePrincipals(ctx context.Context, b *batch, j *job, principals []*principal) error {
	if err := e.session.function(ctx, j.plan.probeName(), j.plan.probeSQL); err != nil {
		if !e.fatal(ctx, b, err) {
			j.fail(b, err)
			return nil
		}
		return err
	}
	for _, p := range principals {
		blocked := j.plan.blockedFor(p)
		for rest := j.rows; len(rest) > 0; {
			if j.looks != b.looks {
				if err := e.still(ctx, b, j); err != nil {
					return err
				}
				rest = slices.DeleteFunc(slices.Clone(rest), func(r *batchRow) bool { return !slices.Contains(j.rows, r) })
			}
			rows := rest[:min(probeRows, len(rest))]
			rest = rest[len(rows):]
			if blocked.closed(b.now) || j.plan.slow.closed(b.now) {
				b.fail(j.plan.table, &evalError{state: "57014"}, nil, p)
				break
			}
			if err := e.probeRowsOf(ctx, b, j, p, rows, blocked); err != nil {
				return err
			}
			if err := e.breather(ctx, b); err != nil {
				return err
			}
		}
	}
	return nil
}

// probeRowsOf probes some rows at once, and one by one when that takes too long.
func (e *Engine) probeRowsOf(ctx context.Context, b *batch, j *job, p *principal, rows []*batchRow, blocked *quarantine) error {
	limit := probeLimit
	if len(rows) == 1 {
		limit = probeAlone
	}
	err := e.probeCall(ctx, b, j, p, rows, limit)
	if err == nil {
		blocked.pardon()
		j.plan.slow.pardon()
		return nil
	}
	if e.fatal(ctx, b, err) {
		return err
	}
	if len(rows) > 1 {
		for i := range rows {
			if blocked.closed(b.now) || j.plan.slow.closed(b.now) {
				break
			}
			if err := e.probeRowsOf(ctx, b, j, p, rows[i:i+1], blocked); err != nil {
				return err
			}
		}
		return nil
	}
	if postgres.IsQueryCanceled(err) {
		j.plan.strike(b, p)
	}
	b.fail(j.plan.table, asEvalError(err), nil, p)
	return nil
}

// probeCall makes the probes of one principal.
func (e *Engine) probeCall(ctx context.Context, b *batch, j *job, p *principal, rows []*batchRow, limit time.Duration) error {
	hits, failed, err := e.probeRows(ctx, j.plan, p, rows, limit)
	if err != nil {
		return err
	}
	for _, n := range hits {
		p.allowed(rows[n], false, b)
	}
	if failed != nil {
		if passing(failed.state) && !b.patient {
			return fmt.Errorf("%w: %w", errPassing, failed)
		}
		b.fail(j.plan.table, failed, nil, p)
	}
	return nil
}

// probeRows returns which of the rows a principal can read, and the last error that one of them raised.
func (e *Engine) probeRows(ctx context.Context, pl *plan, p *principal, rows []*batchRow, limit time.Duration) (hits []int, failed *evalError, err error) {
	keys, ok := pl.keys(rows)
	if !ok {
		return nil, nil, nil
	}
	scan := func(r pgx.Rows) error {
		var n int
		var state *string
		if err := r.Scan(&n, &state); err != nil {
			return err
		}
		if n < 1 || n > len(rows) {
			return fmt.Errorf("row %d of %d", n, len(rows))
		}
		if state != nil {
			failed = &evalError{state: *state}
			return nil
		}
		hits = append(hits, n-1)
		return nil
	}
	args := append([]any{p.role, p.claims}, keys...)
	err = e.session.guarded(ctx, limit, styleOwn, scan, callSQL("i, state", pl.probeName(), len(args)), args...)
	return hits, failed, err
}

// blockedFor returns the quarantine of a principal under the plan.
func (p *plan) blockedFor(who *principal) *quarantine {
	q := p.blocked[who]
	if q == nil {
		if len(p.blocked) > maxSuspects {
			clear(p.blocked)
		}
		q = &quarantine{}
		p.blocked[who] = q
	}
	return q
}

// suspect remembers that a statement raised an error for somebody: he is asked carefully and apart from now on.
func (p *plan) suspect(who *principal) {
	if len(p.suspects) > maxSuspects {
		clear(p.suspects)
	}
	p.suspects[who] = true
}

func (p *plan) probeName() string { return fmt.Sprintf("pg_temp.realtime_probe_%d", p.serial) }

// probeSQL makes the function: for each row that the role can read its number, for each that raises an error the SQLSTATE. The
// planner is not shown the key: from id = 4 it infers that "f() or id > 1" holds and never calls f, whose error denies the row
// to whoever reads the table, and in all the other tiers.
func (p *plan) probeSQL() string {
	params, declare := p.keyParameters()
	var where, using strings.Builder
	for i, k := range p.table.key {
		if i > 0 {
			where.WriteString(" and ")
			using.WriteString(", ")
		}
		fmt.Fprintf(&where, "t.%s %s (select $%d)", pgx.Identifier{p.table.columns[k.column].name}.Sanitize(), k.equals, i+1)
		fmt.Fprintf(&using, "realtime_v%d[realtime_n]", i+1)
	}
	ask := "execute " + quoteLiteral("select true from "+p.table.only()+" as t where "+where.String()) + " into realtime_ok using " + using.String()
	if p.discard {
		ask = "execute 'discard plans';\n" + ask
	}
	return `create or replace function ` + p.probeName() + `(realtime_who text, realtime_c text` + params + `)
returns table (i int, state text) language plpgsql as ` + quoteLiteral(`
declare
	realtime_ok bool;
	realtime_done bool;
`+declare+`begin
	perform pg_catalog.set_config('role', realtime_who, true);
	for realtime_n in 1 .. pg_catalog.cardinality(realtime_v1) loop
		i := realtime_n; state := null; realtime_ok := null; realtime_done := false;
		begin
			`+becomeSQL+`
			`+ask+`;
			realtime_done := true;
			raise exception using errcode = 'RT000';
		exception
			when others then
				if not realtime_done then
					state := sqlstate; realtime_ok := null;
				end if;
		end;
		if realtime_ok or state is not null then
			return next;
		end if;
	end loop;
	perform pg_catalog.set_config('role', 'none', true), pg_catalog.set_config('request.jwt.claims', '', true);
end`)
}
