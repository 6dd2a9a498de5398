package changes

import (
	"context"
	"fmt"
	"maps"
	"strings"

	"github.com/jackc/pgx/v5"
)

// imaging is how a plan's policies are asked about row images instead of the table (T1 and T2).
type imaging struct {
	columns []int // of the image, as indexes into table.columns
	// hoisted are the claims-only parts, the columns of the claims table. branches and pairs have those columns in them,
	// whole has not: it is the policy as it stands, for one text of claims at a time.
	hoisted      []string
	checked      []string // claims-only parts that are not kept, because settings may change them, but may raise errors
	branches     []branch
	pairs, whole string
	claims       *claimsTable
	// planned: whether Postgres plans the query for claims at all is asked when they are stored. It evaluates parts of the
	// policies of inner tables, too, to guess how many rows there are.
	planned bool
}

// admission looks for the best tier of a plan whose policies are without side effects.
type admission struct {
	*catalog
	s        *session
	p        *plan
	policies []policy
	own      *references
	reach    *closure

	functions []function
	operators []operator
	rels      map[uint32]bool // read by the policies themselves
	hidden    bool            // there are casts through text that Postgres does not write
	styled    bool            // a cast depends on settings of the session
}

// function is a row of pg_proc that a policy reaches.
type function struct {
	oid                                          uint32
	name, schema, volatility, kind, source, lang string
	set, leakproof, plain, pinned, direct        bool
}

// operator is a row of pg_operator that a policy uses.
type operator struct {
	name, schema      string
	stable, leakproof bool
}

const admissionFunctionsSQL = `
select p.oid, p.proname::text, n.nspname::text, p.provolatile::text, p.prokind::text, p.prosrc, l.lanname::text, p.proretset, p.proleakproof,
	p.pronargs = 0 and not p.prosecdef and p.proconfig is null and not p.proretset,
	p.prosqlbody is not null or coalesce(pg_catalog.array_to_string(p.proconfig, ',') ~ '(^|,)search_path=', false)
from pg_catalog.pg_proc p
join pg_catalog.pg_namespace n on n.oid = p.pronamespace
join pg_catalog.pg_language l on l.oid = p.prolang
where p.oid = any($1::pg_catalog.oid[])`

const admissionOperatorsSQL = `
select o.oprname::text, n.nspname::text, p.provolatile <> 'i', p.proleakproof
from pg_catalog.pg_operator o join pg_catalog.pg_proc p on p.oid = o.oprcode join pg_catalog.pg_namespace n on n.oid = o.oprnamespace
where o.oid = any($1::pg_catalog.oid[])`

// admit raises the plan to T1 or T2 if its policies allow it, else it says in plan.why what keeps it.
func (a *admission) admit(ctx context.Context) error {
	if err := a.load(ctx); err != nil {
		return err
	}
	if why := a.objection(); why.text != "" {
		a.p.why = why
		return nil
	}
	im, objection := a.compose()
	if objection.text != "" {
		a.p.why = objection
		return nil
	}
	best, err := a.rank(ctx, im)
	if err != nil || best == tierReread {
		return err
	}
	return a.build(ctx, im, best)
}

func (a *admission) load(ctx context.Context) error {
	oids := maps.Clone(a.reach.funcs)
	maps.Copy(oids, a.own.funcs)
	err := a.s.rows(ctx, func(r pgx.Rows) error {
		var f function
		err := r.Scan(&f.oid, &f.name, &f.schema, &f.volatility, &f.kind, &f.source, &f.lang, &f.set, &f.leakproof, &f.plain, &f.pinned)
		f.direct = a.own.funcs[f.oid]
		a.functions = append(a.functions, f)
		return err
	}, admissionFunctionsSQL, sortedKeys(oids))
	if err != nil {
		return fmt.Errorf("read functions of policies: %w", err)
	}
	err = a.s.rows(ctx, func(r pgx.Rows) error {
		var o operator
		err := r.Scan(&o.name, &o.schema, &o.stable, &o.leakproof)
		a.operators = append(a.operators, o)
		return err
	}, admissionOperatorsSQL, sortedKeys(a.own.ops))
	if err != nil {
		return fmt.Errorf("read operators of policies: %w", err)
	}
	return nil
}

// objection is what keeps the plan from being asked about images at all.
func (a *admission) objection() reason {
	if a.p.whole {
		if a.own.attrs[0] {
			return reason{text: "the whole row", rewrite: "name the columns that the policy needs"}
		}
		return reason{text: "a system column", rewrite: "use a column of your own"}
	}
	for i, mentioned := range a.p.mentions {
		if col := &a.p.table.columns[i]; mentioned && !col.imageable() {
			if col.generated {
				return reason{text: "the generated column " + col.name, rewrite: "write (" + col.expression + ") in its place"}
			}
			return reason{text: "column " + col.name + " of type " + col.shown, rewrite: ""}
		}
	}
	s := newSurvey()
	for _, q := range a.policies {
		if v, err := parseTree(q.qual); err == nil {
			s.walk(v, a.p.table.oid)
		}
	}
	a.rels = s.rels
	if s.objection != "" {
		return reason{text: s.objection, rewrite: "read the other rows in a table or view of their own"}
	}
	for _, c := range s.coercions {
		for _, oid := range c {
			switch {
			case textSafe[oid] && oid != 17, textArrays[oid] && oid != 1001:
			case textStyled[oid], styledArrays[oid], oid == 17, oid == 1001:
				a.styled = true
			default:
				return reason{text: "a cast through the text of a type"}
			}
		}
	}
	a.hidden = s.hidden
	for _, f := range a.functions {
		if why := a.judge(&f); why.text != "" {
			return why
		}
		if f.direct && s.implicit[f.oid] {
			a.hidden = a.hidden || !f.leakproof
			a.styled = a.styled || f.volatility != "i"
		}
	}
	for _, o := range a.operators {
		if o.schema != "pg_catalog" {
			return reason{text: "operator " + o.schema + "." + o.name, rewrite: "use one of Postgres' own"}
		}
	}
	return reason{}
}

// judge is the objection against a function.
func (a *admission) judge(f *function) reason {
	switch {
	case f.schema == "pg_catalog" && (f.volatility == "i" || f.volatility == "s" && (!f.direct || stableBuiltins[f.name] || strings.Contains(f.name, "timestamptz"))):
		return reason{}
	case f.accessor(), f.schema == "auth" && f.pinned && f.volatility == "s" && f.kind == "f":
		return reason{}
	case f.schema == "pg_catalog":
		return reason{text: "function " + f.name + "()"}
	case !f.direct && !f.reached(a):
		return reason{}
	}
	if f.schema == "auth" {
		return reason{text: "function auth." + f.name + "(), which is not the one that is known", rewrite: "give it the body that comes with this server"}
	}
	return reason{
		text:    "function " + f.schema + "." + f.name + "()",
		rewrite: "write its query into the policy, as exists (select 1 from … where …)",
	}
}

// reached reports whether a function that the policy does not call itself matters: those of inner tables' policies do as
// soon as such tables are read.
func (f *function) reached(a *admission) bool { return len(a.rels) > 0 }

// stableBuiltins are the functions of Postgres that are not immutable, but neither look at names nor at data.
var stableBuiltins = wordSet(`now transaction_timestamp statement_timestamp date_trunc date_part extract age timezone to_char to_date to_timestamp
	overlaps date timestamp time timetz to_json to_jsonb json_build_object json_build_array jsonb_build_object jsonb_build_array
	json_agg jsonb_agg json_object_agg jsonb_object_agg array_to_json array_to_string concat concat_ws textanycat anytextcat pg_has_role
	current_setting current_user session_user current_database to_tsvector to_tsquery plainto_tsquery phraseto_tsquery websearch_to_tsquery
	quote_literal quote_nullable generate_series convert_from convert_to`)

// rank decides between T1 and T2: whose sub-queries read tables with row security active for the role, or what is left
// of the claims, must be asked claims by claims.
func (a *admission) rank(ctx context.Context, im *imaging) (tier, error) {
	rels := sortedKeys(a.rels)
	plain, active := 0, false
	if len(rels) > 0 {
		if err := a.s.rows(ctx, func(r pgx.Rows) error { return r.Scan(&plain) }, innerTablesSQL, rels); err != nil {
			return tierReread, fmt.Errorf("read tables of policies: %w", err)
		}
		if plain != len(rels) {
			a.p.why = reason{text: "a view", rewrite: "read its tables in the policy itself"}
			return tierReread, nil
		}
		if err := a.s.rows(ctx, func(r pgx.Rows) error {
			var yes *bool
			err := r.Scan(&yes)
			active = active || yes == nil || *yes
			return err
		}, "select active from pg_temp.realtime_role_security($1, $2::pg_catalog.oid[])", a.p.role, rels); err != nil {
			return tierReread, fmt.Errorf("read row security of tables of policies: %w", err)
		}
	}
	im.planned = active
	switch {
	case a.reach.rels[a.p.table.oid]:
		a.p.why = reason{text: "a sub-query that comes back to the table itself"}
		return tierReread, nil
	case active && a.reach.immutable:
		a.p.why = reason{text: "a function declared IMMUTABLE in the policies of a table that it reads", rewrite: "declare it STABLE"}
		return tierReread, nil
	case active || im.branches == nil:
		return tierClaims, nil
	}
	return tierJoin, nil
}

// innerTablesSQL counts those of the relations that are tables, or catalogs.
const innerTablesSQL = "select pg_catalog.count(*)::int from pg_catalog.pg_class where oid = any($1::pg_catalog.oid[]) and relkind in ('r', 'p')"

// imageable reports whether the stream's text of the column is its value without loss.
func (c *column) imageable() bool {
	known := textSafe[c.oid] || textStyled[c.oid] || textArrays[c.oid] || styledArrays[c.oid]
	return !c.generated && (known || c.kind == 'e' && c.base == c.oid)
}
