package wal

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// loadSQL returns the facts of the types asked for and of all they are made of: array elements, base types of domains,
// attributes of composites. The cast it looks for is the one that to_jsonb would use, which counts for types that are not
// built in only.
const loadSQL = `
with recursive part (oid) as (
	select pg_catalog.unnest($1::pg_catalog.oid[])
	union
	select inner_type.oid
	from part
	join pg_catalog.pg_type t on t.oid = part.oid
	cross join lateral (
		select t.typelem where t.typlen = -1 and t.typsubscript = 'pg_catalog.array_subscript_handler'::pg_catalog.regproc
		union all
		select t.typbasetype where t.typtype = 'd'
		union all
		select a.atttypid from pg_catalog.pg_attribute a
		where t.typtype = 'c' and a.attrelid = t.typrelid and a.attnum > 0 and not a.attisdropped
	) inner_type (oid)
)
select t.oid, t.typname::text, t.typtype::text, t.typdelim::text,
	case when t.typlen = -1 and t.typsubscript = 'pg_catalog.array_subscript_handler'::pg_catalog.regproc then t.typelem else 0::pg_catalog.oid end,
	t.typbasetype,
	t.oid >= 16384 and exists (
		select from pg_catalog.pg_cast c
		where c.castsource = t.oid and c.casttarget = 'pg_catalog.json'::pg_catalog.regtype and c.castmethod = 'f'),
	coalesce(a.names, '{}'), coalesce(a.types, '{}')
from part
join pg_catalog.pg_type t on t.oid = part.oid
left join lateral (
	select pg_catalog.array_agg(a.attname::text order by a.attnum) as names, pg_catalog.array_agg(a.atttypid order by a.attnum) as types
	from pg_catalog.pg_attribute a
	where t.typtype = 'c' and a.attrelid = t.typrelid and a.attnum > 0 and not a.attisdropped
) a on true`

// catalogType is one row of loadSQL.
type catalogType struct {
	oid         uint32
	name        string
	kind, delim string
	elem, base  uint32
	jsonCast    bool
	attrs       []string
	attrTypes   []uint32
}

// Load reads the facts of those types of oids that are not known yet, and of all they are made of, in one query. A type
// that the catalog does not have (dropped since its row was written) is remembered as unknown.
func (t *Types) Load(ctx context.Context, conn *pgx.Conn, oids []uint32) error {
	var missing []uint32
	for _, oid := range oids {
		if t.facts(oid) == nil {
			missing = append(missing, oid)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	rows, err := conn.Query(ctx, loadSQL, missing)
	if err != nil {
		return fmt.Errorf("load types: %w", err)
	}
	found, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (c catalogType, err error) {
		err = row.Scan(&c.oid, &c.name, &c.kind, &c.delim, &c.elem, &c.base, &c.jsonCast, &c.attrs, &c.attrTypes)
		return c, err
	})
	if err != nil {
		return fmt.Errorf("load types: %w", err)
	}
	t.add(found)
	for _, oid := range missing {
		if t.facts(oid) == nil {
			t.known[oid] = &facts{unknown: true}
		}
	}
	return nil
}

// add enters the types found, which refer to each other in any order. Types known already stay as they are.
func (t *Types) add(found []catalogType) {
	fresh := make(map[uint32]*facts, len(found))
	for _, c := range found {
		if t.facts(c.oid) == nil {
			f := &facts{}
			fresh[c.oid], t.known[c.oid] = f, f
		}
	}
	for _, c := range found {
		if f := fresh[c.oid]; f != nil {
			t.fill(f, c)
		}
	}
}

func (t *Types) fill(f *facts, c catalogType) {
	f.name, f.delim = c.name, ','
	if len(c.delim) == 1 {
		f.delim = c.delim[0]
	}
	switch {
	case c.kind == "d":
		f.class, f.elem = domainClass, t.part(c.base)
	case c.kind == "c":
		f.class = compositeClass
		for i, name := range c.attrs {
			key := append(appendString(nil, []byte(name)), ':')
			f.attrs = append(f.attrs, attribute{key: key, kind: t.part(c.attrTypes[i])})
		}
	case c.elem != 0:
		f.class, f.elem = arrayClass, t.part(c.elem)
	default: // to_jsonb looks for a cast last
		f.jsonCast = c.jsonCast
	}
}

// part returns a type that another one is made of. One that vanished between two reads of the catalog has its text as a
// string.
func (t *Types) part(oid uint32) *facts {
	if f := t.facts(oid); f != nil {
		return f
	}
	return &facts{delim: ','}
}
