package changes

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// classify finds the tier of a plan whose table has row security active for the role, from the functions that the
// policies reach. What cannot be read is treated as the worst.
func (c *catalog) classify(ctx context.Context, s *session, p *plan, policies []policy) error {
	own := newReferences()
	open := false
	var trees []string
	var applying []policy
	for _, q := range policies {
		if !q.applies {
			continue
		}
		applying = append(applying, q)
		open = open || q.permissive
		if q.qual != "" {
			trees = append(trees, q.qual)
		}
	}
	if !open {
		p.tier = tierDeny
		return nil
	}
	p.tier = tierReread
	for _, tree := range trees {
		if !own.read(tree) {
			p.opaque()
			p.why = reason{text: "an expression that is not understood"}
			return nil
		}
	}
	for number := range own.attrs {
		p.mention(number)
	}
	reach := newClosure(p.table.oid)
	reach.add(own, true)
	err := reach.expand(ctx, s)
	if err != nil {
		return err
	}
	c.watch.add(reach)
	if reach.unreadable || reach.volatile || reach.stateful {
		p.tier = tierProbe
		if p.why, err = reach.probing(ctx, s); err != nil {
			return err
		}
	}
	if reach.unreadable {
		p.opaque()
		return nil
	}
	p.replan = reach.immutable
	if p.tier == tierReread && c.best(p.table) <= tierClaims {
		a := admission{catalog: c, s: s, p: p, policies: applying, own: own, reach: reach}
		if err := a.admit(ctx); err != nil {
			return err
		}
	}
	if best := c.best(p.table); p.tier < best {
		p.tier, p.why = best, reason{text: "a decision on a row's image that was wrong", rewrite: "report it, please: this is a defect of the server"}
	}
	p.discard = reach.immutable && (reach.procedural || s.version >= 180000 && reach.sqlBodies)
	return nil
}

// opaque: nothing is known, so nothing may be kept from one statement to the next.
func (p *plan) opaque() { p.tier, p.whole, p.replan, p.discard = tierProbe, true, true, true }

// mention notes that a policy reads a column; anything but a plain column counts as the whole row.
func (p *plan) mention(number int16) {
	for i := range p.table.columns {
		if p.table.columns[i].number == number {
			p.mentions[i] = true
			return
		}
	}
	p.whole = true
}

func (w *watched) add(c *closure) {
	for oid := range c.funcs {
		w.funcs[oid] = true
	}
	for oid := range c.rels {
		w.rels[oid] = true
	}
	for oid := range c.types {
		w.types[oid] = true
	}
}

const functionsSQL = `
select p.provolatile::text, l.lanname::text, n.nspname = 'pg_catalog', p.prosrc, p.prosqlbody::text
from pg_catalog.pg_proc p
join pg_catalog.pg_language l on l.oid = p.prolang
join pg_catalog.pg_namespace n on n.oid = p.pronamespace
where p.oid = any($1::pg_catalog.oid[])`

const operatorsSQL = "select oprcode::pg_catalog.oid from pg_catalog.pg_operator where oid = any($1::pg_catalog.oid[]) and oprcode <> 0"

// relationsSQL: the policies of any role, since a function may run as another; the rules of views.
const relationsSQL = `
select polqual::text from pg_catalog.pg_policy
where polrelid = any($1::pg_catalog.oid[]) and polrelid <> $2 and polcmd in ('r', '*') and polqual is not null
union all
select ev_action::text from pg_catalog.pg_rewrite where ev_class = any($1::pg_catalog.oid[])
union all
select d.adbin::text from pg_catalog.pg_attrdef d join pg_catalog.pg_attribute a on a.attrelid = d.adrelid and a.attnum = d.adnum
where d.adrelid = any($1::pg_catalog.oid[]) and a.attgenerated = 'v'`

const domainsSQL = `
with recursive b as (
	select oid, typbasetype from pg_catalog.pg_type where oid = any($1::pg_catalog.oid[])
	union all
	select t.oid, t.typbasetype from b join pg_catalog.pg_type t on t.oid = b.typbasetype
)
select c.conbin::text from pg_catalog.pg_constraint c join b on b.oid = c.contypid where c.conbin is not null`

// namedSQL finds what the text of a function body may mean: any function or operator of users by a name that occurs in
// it, and any table with policies or view. It finds too much rather than too little.
const namedFunctionsSQL = `
select p.oid from pg_catalog.pg_proc p
join pg_catalog.pg_language l on l.oid = p.prolang and l.lanname not in ('internal', 'c')
where p.pronamespace <> all(array['pg_catalog', 'information_schema']::pg_catalog.regnamespace[]) and p.prokind <> 'a'
	and (p.proname::text = any($1::text[])
		or p.oid in (select o.oprcode from pg_catalog.pg_operator o where o.oprname::text = any($2::text[])))`

const namedRelationsSQL = `
select c.oid from pg_catalog.pg_class c
where (c.relrowsecurity or c.relkind in ('v', 'm')) and c.relname::text = any($1::text[])
	and c.relnamespace <> all(array['pg_catalog', 'information_schema']::pg_catalog.regnamespace[])`

// oids runs a query that returns one column of OIDs.
func (s *session) oids(ctx context.Context, sql string, args ...any) ([]uint32, error) {
	var out []uint32
	err := s.rows(ctx, func(r pgx.Rows) error {
		var oid uint32
		err := r.Scan(&oid)
		out = append(out, oid)
		return err
	}, sql, args...)
	return out, err
}

// trees runs a query that returns one column of node trees.
func (s *session) trees(ctx context.Context, sql string, args ...any) ([]string, error) {
	var out []string
	err := s.rows(ctx, func(r pgx.Rows) error {
		var tree string
		err := r.Scan(&tree)
		out = append(out, tree)
		return err
	}, sql, args...)
	return out, err
}
