package changes

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

// claimsTable is what a plan knows of the claims in use. In T1 there is a table in the session's temporary schema with the
// values that Postgres computed from them when they were subscribed, and here who has which. In T2 all claims are in one
// group whose values could be computed: the others raise errors, and are asked carefully.
type claimsTable struct {
	types  []string // of the values
	groups map[string]*claimsGroup
	byID   map[int32]*claimsGroup
	last   int32
	dead   []int32 // rows of groups that are no more
	churn  int     // rows written since the table was analyzed
}

// claimsGroup are the principals whose claims have the same values: the policies cannot tell them apart.
type claimsGroup struct {
	id      int32
	key     string
	members int // principals
	verdict
}

// verdict is what a batch has decided for somebody, by row number; nil for nothing.
type verdict struct {
	batch           uint64
	allow, allowOld bits // the new and the old image
}

// allowed notes that the row, or its old image, may be seen.
func (v *verdict) allowed(r *batchRow, old bool, b *batch) {
	if v.batch != b.serial {
		v.batch, v.allow, v.allowOld = b.serial, nil, nil
	}
	set := &v.allow
	if old {
		set = &v.allowOld
	}
	if *set == nil {
		*set = newBits(len(b.rows))
	}
	set.set(r.number)
}

// may reports whether the row, or its old image, was allowed in the batch. Nothing is by default.
func (v *verdict) may(r *batchRow, old bool, b *batch) bool {
	set := v.allow
	if old {
		set = v.allowOld
	}
	return v.batch == b.serial && set != nil && set.has(r.number)
}

func newClaimsTable() *claimsTable {
	return &claimsTable{groups: map[string]*claimsGroup{}, byID: map[int32]*claimsGroup{}}
}

// readTypes reads the types that Postgres gave the values, and indexes those that can be looked up.
func (c *claimsTable) readTypes(ctx context.Context, s *session, table string) error {
	var hashable []string
	if err := s.rows(ctx, func(r pgx.Rows) error {
		var number int
		var kind string
		var yes bool
		if err := r.Scan(&number, &kind, &yes); err != nil {
			return err
		}
		c.types = append(c.types, kind)
		if yes {
			hashable = append(hashable, valueColumn(number-2))
		}
		return nil
	}, valueTypesSQL, table); err != nil {
		return fmt.Errorf("read types of claims: %w", err)
	}
	for _, column := range hashable {
		if err := s.guardedExec(ctx, "create index on "+table+" using hash ("+column+")"); err != nil {
			return fmt.Errorf("index values of claims: %w", err)
		}
	}
	return nil
}

const valueTypesSQL = `
select a.attnum::int, pg_catalog.format_type(a.atttypid, a.atttypmod),
	a.atttypid <> 16 and exists (select from pg_catalog.pg_opclass o join pg_catalog.pg_am m on m.oid = o.opcmethod
		where m.amname = 'hash' and o.opcdefault and o.opcintype = case a.atttypid when 1043 then 25 else a.atttypid end)
from pg_catalog.pg_attribute a
where a.attrelid = $1::pg_catalog.regclass and a.attnum > 1 order by a.attnum`

// groupOf returns the group that the principal has under the plan, nil for none: then it is asked alone.
func (p *principal) groupOf(pl *plan) *claimsGroup {
	for i := range p.groups {
		if p.groups[i].plan == pl {
			return p.groups[i].group
		}
	}
	return nil
}

// membership is a principal's group under one plan; nil in quarantine, because its claims raise an error by themselves.
type membership struct {
	plan  *plan
	group *claimsGroup
}

func (p *principal) knows(pl *plan) bool {
	for i := range p.groups {
		if p.groups[i].plan == pl {
			return true
		}
	}
	return false
}

// storeSlice is how many claims are evaluated in one call.
const storeSlice = 500

// store has Postgres compute the values that the policies of some plans make of claims, and keeps them. Afterwards the
// claims are decided about with everybody else's. It is a transaction of its own.
func (e *Engine) store(ctx context.Context, wanted map[*plan][]*principal) error {
	if len(wanted) == 0 {
		return nil
	}
	if _, err := e.session.look(ctx, &e.catalog.watch, true); err != nil {
		return fmt.Errorf("begin to store claims: %w", err)
	}
	var vacuum []string
	for p, principals := range wanted {
		for from := 0; from < len(principals); from += storeSlice {
			if err := e.storePart(ctx, p, principals[from:min(from+storeSlice, len(principals))]); err != nil {
				return fmt.Errorf("store claims: %w", err)
			}
		}
		if err := e.sweep(ctx, p); err != nil {
			return err
		}
		if c := p.image.claims; c.churn > 50 && c.churn > len(c.byID)/2 {
			c.churn = 0
			vacuum = append(vacuum, p.valuesName())
		}
	}
	if err := e.session.commit(ctx); err != nil {
		return fmt.Errorf("store claims: %w", err)
	}
	for _, table := range vacuum {
		if err := e.session.exec(ctx, "vacuum analyze "+table); err != nil {
			return fmt.Errorf("analyze claims: %w", err)
		}
	}
	return nil
}

// storePart evaluates some claims and inserts the values that are new.
func (e *Engine) storePart(ctx context.Context, p *plan, principals []*principal) error {
	texts := make([]string, len(principals))
	for i, who := range principals {
		texts[i] = who.claims
	}
	c := p.image.claims
	args := make([][]*string, len(c.types))
	var ids []int32
	scan := func(r pgx.Rows) error {
		var i int
		var got []*string
		var state *string
		if err := r.Scan(&i, &got, &state); err != nil {
			return err
		}
		if i < 1 || i > len(principals) || state == nil && len(got) != len(p.image.hoisted)+len(p.image.checked) {
			return fmt.Errorf("claims %d of %d", i, len(principals))
		}
		if state != nil {
			principals[i-1].join(p, nil)
			return nil
		}
		got = got[:len(p.image.hoisted)]
		if p.tier != tierJoin {
			got = nil
		}
		g, fresh := c.enter(got)
		principals[i-1].join(p, g)
		if fresh && p.tier == tierJoin {
			ids = append(ids, g.id)
			for n := range args {
				args[n] = append(args[n], got[n])
			}
		}
		return nil
	}
	err := e.session.guarded(ctx, sqlLimit, styleWire, scan, callSQL("i, got, state", p.hoistName(), 2), p.role, texts)
	if err != nil {
		return err
	}
	if len(ids) == 0 {
		return nil
	}
	c.churn += len(ids)
	return e.session.guarded(ctx, sqlLimit, styleWire, func(pgx.Rows) error { return nil }, c.insertSQL(p.valuesName()), append([]any{ids}, anys(args)...)...)
}

func anys(list [][]*string) []any {
	out := make([]any, len(list))
	for i := range list {
		out[i] = list[i]
	}
	return out
}

// insertSQL inserts numbers with the texts of their values.
func (c *claimsTable) insertSQL(table string) string {
	var values, from, names strings.Builder
	for i, kind := range c.types {
		fmt.Fprintf(&values, ", (u.c%d)::%s", i+1, kind)
		fmt.Fprintf(&from, ", pg_catalog.unnest($%d::text[])", i+2)
		fmt.Fprintf(&names, ", c%d", i+1)
	}
	return "insert into " + table + " select u.g" + values.String() + " from rows from (pg_catalog.unnest($1::int4[])" + from.String() + ") as u(g" + names.String() + ")"
}

// enter returns the group of some values.
func (c *claimsTable) enter(values []*string) (g *claimsGroup, fresh bool) {
	var key strings.Builder
	for _, v := range values {
		if v == nil {
			key.WriteByte('-')
			continue
		}
		fmt.Fprintf(&key, "%d:%s", len(*v), *v)
	}
	if g := c.groups[key.String()]; g != nil {
		return g, false
	}
	c.last++
	g = &claimsGroup{id: c.last, key: key.String()}
	c.groups[g.key], c.byID[g.id] = g, g
	return g, true
}

// join makes the principal a member of the group, nil for none.
func (p *principal) join(pl *plan, g *claimsGroup) {
	if g != nil {
		g.members++
	}
	p.groups = append(p.groups, membership{pl, g})
}

// leave takes the principal out of all groups. Their rows are deleted with the next sweep; answers about them mean nobody.
func (p *principal) leave() {
	for _, m := range p.groups {
		if m.group == nil {
			continue
		}
		if m.group.members--; m.group.members == 0 {
			c := m.plan.image.claims
			delete(c.groups, m.group.key)
			delete(c.byID, m.group.id)
			c.dead = append(c.dead, m.group.id)
		}
	}
	p.groups = nil
}

// sweep deletes the rows of groups that are no more.
func (e *Engine) sweep(ctx context.Context, p *plan) error {
	c := p.image.claims
	if len(c.dead) == 0 || p.tier != tierJoin {
		return nil
	}
	sql := "delete from " + p.valuesName() + " where g = any($1::int4[])"
	if err := e.session.guarded(ctx, sqlLimit, styleOwn, func(pgx.Rows) error { return nil }, sql, c.dead); err != nil {
		return fmt.Errorf("delete claims: %w", err)
	}
	c.churn += len(c.dead)
	c.dead = nil
	return nil
}
