package changes

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// reason is the part of a policy that keeps it in a slower tier, and what to write instead, if there is something.
type reason struct{ text, rewrite string }

// nameSlow names each table in the log whose policies are asked by reading its rows again (T3) or one by one (T4), once
// for each reason: what keeps it there, and what would make it fast.
func (e *Engine) nameSlow() {
	for _, t := range e.catalog.tables {
		if t == nil {
			continue
		}
		for _, p := range t.plans {
			if p.tier < tierReread || e.named[t.name] == p.why {
				continue
			}
			e.named[t.name] = p.why
			e.o.Log.Warn("postgres changes: the policies of this table are slow to check", "table", t.name.String(), "role", p.role,
				"tier", p.tier.String(), "because_of", p.why.text, "rewrite", p.why.rewrite)
		}
	}
}

const volatileSQL = `select n.nspname::text || '.' || p.proname::text from pg_catalog.pg_proc p join pg_catalog.pg_namespace n on n.oid = p.pronamespace
	where p.oid = any($1::pg_catalog.oid[]) and p.provolatile = 'v' order by 1 limit 1`

// probing is why a plan is in T4.
func (c *closure) probing(ctx context.Context, s *session) (reason, error) {
	switch {
	case c.unreadable:
		return reason{text: "an expression or language that is not understood"}, nil
	case c.sequence:
		return reason{text: "a sequence", rewrite: "leave it out: a policy should change nothing"}, nil
	case c.volatile:
		var name string
		if err := s.rows(ctx, func(r pgx.Rows) error { return r.Scan(&name) }, volatileSQL, sortedKeys(c.direct)); err != nil {
			return reason{}, fmt.Errorf("read volatile functions: %w", err)
		}
		return reason{text: "function " + name + "(), which is VOLATILE", rewrite: "declare it STABLE if it changes nothing, or write its query into the policy"}, nil
	}
	return reason{text: "a function that may change settings", rewrite: "leave set_config, SET, EXECUTE and sequences out of functions that policies call"}, nil
}
