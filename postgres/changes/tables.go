package changes

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

const tablesSQL = `
select c.oid, n.nspname::text, c.relname::text,
	case when pg_catalog.pg_has_role(c.relowner, 'member') then pg_catalog.pg_get_userbyid(c.relowner)::text else 'none' end,
	c.relkind::text, c.relreplident::text, c.relrowsecurity,
	pg_catalog.has_table_privilege(c.oid, 'select') and not pg_catalog.row_security_active(c.oid),
	coalesce(late.conname::text, ''), coalesce(pg_catalog.pg_get_constraintdef(late.oid), '')
from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
left join pg_catalog.pg_constraint late on late.conrelid = c.oid and late.contype = 'p' and late.condeferrable
where c.oid = any($1::pg_catalog.oid[])`

// columnsSQL wants an empty search_path: then every type and every name in an expression is written so that it means
// the same under any. Modifier -1 tells format_type to write a type that casts without cutting: "bpchar", not "character".
const columnsSQL = `
select a.attrelid, a.attnum, a.attname::text, a.atttypid, t.typname::text,
	pg_catalog.format_type(a.atttypid, a.atttypmod), pg_catalog.format_type(a.atttypid, -1), pg_catalog.format_type(base.oid, -1),
	base.oid, base.typtype::text, n.nspname::text,
	case when n.nspname = 'pg_catalog' then pg_catalog.format_type(a.atttypid, null) else pg_catalog.quote_ident(t.typname) end,
	a.attgenerated <> '',
	case when a.attgenerated = 's' then pg_catalog.pg_get_expr(d.adbin, d.adrelid) end,
	case when a.attgenerated = 's' then d.adbin::text end,
	exists (select from pg_catalog.pg_index i join pg_catalog.pg_class c on c.oid = i.indrelid
		where i.indrelid = a.attrelid and a.attnum = any(i.indkey::int2[])
			and (c.relreplident = 'i' and i.indisreplident or c.relreplident = 'd' and i.indisprimary and i.indimmediate)),
	case when a.attcollation <> 0 and a.attcollation <> t.typcollation then (select pg_catalog.format('%I.%I', cn.nspname, co.collname)
		from pg_catalog.pg_collation co join pg_catalog.pg_namespace cn on cn.oid = co.collnamespace where co.oid = a.attcollation) end
from pg_catalog.pg_attribute a
join pg_catalog.pg_type t on t.oid = a.atttypid
join pg_catalog.pg_namespace n on n.oid = t.typnamespace
left join pg_catalog.pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
cross join lateral (
	with recursive b as (
		select t.oid, t.typtype, t.typbasetype
		union all
		select u.oid, u.typtype, u.typbasetype from b join pg_catalog.pg_type u on u.oid = b.typbasetype where b.typtype = 'd'
	)
	select oid, typtype from b where typtype <> 'd'
) base
where a.attrelid = any($1::pg_catalog.oid[]) and a.attnum > 0 and not a.attisdropped
order by a.attrelid, a.attnum`

// keysSQL: a deferrable key is none, as for upstream; its rows may be double for a while.
const keysSQL = `
select i.indrelid, k.attnum, n.nspname::text, o.oprname::text
from pg_catalog.pg_index i
cross join lateral rows from (pg_catalog.unnest(i.indkey::int2[]), pg_catalog.unnest(i.indclass::pg_catalog.oid[])) with ordinality k (attnum, opclass, n)
join pg_catalog.pg_opclass oc on oc.oid = k.opclass
join pg_catalog.pg_amop ao on ao.amopfamily = oc.opcfamily and ao.amopstrategy = 3
	and ao.amoplefttype = oc.opcintype and ao.amoprighttype = oc.opcintype
join pg_catalog.pg_operator o on o.oid = ao.amopopr
join pg_catalog.pg_namespace n on n.oid = o.oprnamespace
where i.indrelid = any($1::pg_catalog.oid[]) and i.indisprimary and i.indimmediate and i.indisvalid and k.n <= i.indnkeyatts
order by i.indrelid, k.n`

// loadTables reads the facts of tables. Those that the catalog no longer has are missing afterwards. The transaction's
// search_path must be empty.
func (c *catalog) loadTables(ctx context.Context, s *session, oids []uint32) error {
	err := s.rows(ctx, func(r pgx.Rows) error {
		t := &table{plans: map[string]*plan{}, shapes: map[string]*shape{}}
		var kind, identity string
		if err := r.Scan(&t.oid, &t.schema, &t.table, &t.owner, &kind, &identity, &t.rowSecurity, &t.readable, &t.lateKey, &t.lateKeyAs); err != nil {
			return err
		}
		t.kind, t.identity = kind[0], identity[0]
		c.tables[t.oid] = t
		c.watch.rels[t.oid] = true
		c.watch.roles[t.owner] = true
		return nil
	}, tablesSQL, oids)
	if err != nil {
		return fmt.Errorf("read tables: %w", err)
	}
	var types []uint32
	if err := s.rows(ctx, func(r pgx.Rows) error {
		rel, col, err := scanColumn(r)
		if t := c.tables[rel]; err == nil && t != nil {
			t.columns = append(t.columns, col)
			types = append(types, col.oid)
			c.watch.types[col.oid] = true
		}
		return err
	}, columnsSQL, oids); err != nil {
		return fmt.Errorf("read columns: %w", err)
	}
	if err := s.rows(ctx, c.scanKey, keysSQL, oids); err != nil {
		return fmt.Errorf("read primary keys: %w", err)
	}
	return c.loadTypes(ctx, s, types)
}

func scanColumn(r pgx.Rows) (rel uint32, col column, err error) {
	var kind string
	var expression, tree, collation *string
	err = r.Scan(&rel, &col.number, &col.name, &col.oid, &col.typeName, &col.sqlType, &col.plainType, &col.baseType,
		&col.base, &kind, &col.schema, &col.shown, &col.generated, &expression, &tree, &col.identity, &collation)
	if err != nil {
		return rel, col, err
	}
	col.kind, col.collation = kind[0], deref(collation)
	if expression != nil && tree != nil {
		col.expression = *expression
		if refs := newReferences(); refs.read(*tree) {
			col.reads = refs.attrs
		}
	}
	return rel, col, nil
}

// scanKey adds one column to a table's primary key.
func (c *catalog) scanKey(r pgx.Rows) error {
	var rel uint32
	var number int16
	var schema, operator string
	if err := r.Scan(&rel, &number, &schema, &operator); err != nil {
		return err
	}
	t := c.tables[rel]
	if t == nil {
		return nil
	}
	for i := range t.columns {
		if t.columns[i].number == number {
			t.columns[i].key = true
			t.key = append(t.key, keyColumn{column: i, equals: "operator(" + pgx.Identifier{schema}.Sanitize() + "." + operator + ")"})
		}
	}
	return nil
}

// loadTypes makes sure that values of the types can be turned into JSON.
func (c *catalog) loadTypes(ctx context.Context, s *session, oids []uint32) error {
	ctx, cancel := context.WithTimeout(ctx, sqlLimit+graceLimit)
	defer cancel()
	if err := c.types.Load(ctx, s.conn, oids); err != nil {
		return fmt.Errorf("read types: %w", err)
	}
	return nil
}
