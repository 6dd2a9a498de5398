package changes

import (
	"context"
	"strings"

	"github.com/jackc/pgx/v5"

	"realtime/postgres/wal"
)

// catalog is what the Engine knows of the database, as of one fingerprint. It is thrown away whole when the fingerprint
// changes, and filled as subscriptions ask for more.
type catalog struct {
	publication publication
	tables      map[uint32]*table
	roles       map[string]bool // does the role exist?
	checks      map[check]checked
	patterns    map[patternKey]bool // nil: not loaded
	filters     map[filterKey]*rowFilter
	types       *wal.Types

	// limits are the fastest tiers that policies of tables may be asked in, by OID; 0 stands for all.
	limits map[uint32]tier

	// watch are the objects whose change makes the catalog stale, besides those that are always watched.
	watch       watched
	fingerprint string // "" until taken
}

// publication is what is published. Schemas realtime and _realtime never are, whatever the catalog says.
type publication struct {
	tables  map[uint32]name
	byName  map[name]uint32
	actions map[string]bool      // INSERT, UPDATE, DELETE, TRUNCATE
	parts   map[uint32]published // of the tables with a list of columns
}

type name struct{ schema, table string }

// String quotes the name for SQL.
func (n name) String() string { return pgx.Identifier{n.schema, n.table}.Sanitize() }

// table is one published table that somebody subscribed to.
type table struct {
	name
	oid uint32
	// owner is the role that code belonging to the table runs as: its owner, or "none", the session's own, if that one
	// is no superuser and cannot take the owner's place.
	owner       string
	kind        byte // pg_class.relkind: 'r', or 'p' where the publication publishes via the root
	identity    byte // pg_class.relreplident
	rowSecurity bool // pg_class.relrowsecurity
	readable    bool // the session's own role reads all of its rows
	columns     []column
	key         []keyColumn // primary key, in its order; empty if there is none that is checked at once
	// lateKey is a primary key that is not checked at once, with its definition; "" as a rule.
	lateKey, lateKeyAs string
	plans              map[string]*plan
	shapes             map[string]*shape
	index              index
}

// column is one column, in attnum order; dropped ones are left out.
type column struct {
	name      string
	number    int16
	oid       uint32
	typeName  string // pg_type.typname
	sqlType   string // with modifier, for casting a value as the column stores it
	plainType string // without modifier, for comparing
	baseType  string // plainType of a domain's base
	base      uint32 // OID of a domain's base type, else oid
	schema    string // of the type
	shown     string // the type's name in messages
	collation string // where it is not the type's, quoted
	kind      byte   // pg_type.typtype of base
	key       bool   // part of the primary key
	identity  bool   // part of the replica identity, unless that is the whole row
	generated bool   // stored: not in the stream before it is completed
	// expression of a generated column, and the attribute numbers that it reads; nil reads means unknown.
	expression string
	reads      map[int16]bool
}

// keyColumn is a column of the primary key with the equality of its index.
type keyColumn struct {
	column int // index into columns
	equals string
}

// column returns the index of the column called name, -1 if there is none.
func (t *table) columnIndex(name string) int {
	for i := range t.columns {
		if t.columns[i].name == name {
			return i
		}
	}
	return -1
}

// only is what keeps inheritance children out of a read of the table: their rows are events of their own.
func (t *table) only() string {
	if t.kind == 'p' {
		return t.name.String()
	}
	return "only " + t.name.String()
}

func newCatalog() *catalog {
	return &catalog{
		tables: map[uint32]*table{}, roles: map[string]bool{}, checks: map[check]checked{}, filters: map[filterKey]*rowFilter{}, types: wal.NewTypes(),
		watch: newWatched(),
	}
}

const publishedSQL = `
select c.oid, n.nspname::text, c.relname::text
from pg_catalog.pg_publication_tables t
join pg_catalog.pg_namespace n on n.nspname = t.schemaname
join pg_catalog.pg_class c on c.relnamespace = n.oid and c.relname = t.tablename
where t.pubname = $1 and n.nspname not in ('realtime', '_realtime')`

// loadPublication reads which tables are published.
func (c *catalog) loadPublication(ctx context.Context, s *session, publicationName string) error {
	p := publication{tables: map[uint32]name{}, byName: map[name]uint32{}, actions: map[string]bool{}}
	err := s.rows(ctx, func(r pgx.Rows) error {
		var oid uint32
		var n name
		if err := r.Scan(&oid, &n.schema, &n.table); err != nil {
			return err
		}
		p.tables[oid], p.byName[n] = n, oid
		return nil
	}, publishedSQL, publicationName)
	if err != nil {
		return err
	}
	err = s.rows(ctx, func(r pgx.Rows) error {
		var insert, update, del, truncate bool
		if err := r.Scan(&insert, &update, &del, &truncate); err != nil {
			return err
		}
		p.actions = map[string]bool{"INSERT": insert, "UPDATE": update, "DELETE": del, "TRUNCATE": truncate}
		return nil
	}, "select pubinsert, pubupdate, pubdelete, pubtruncate from pg_catalog.pg_publication where pubname = $1", publicationName)
	if err == nil && s.version >= 150000 {
		p.parts = map[uint32]published{}
		err = s.rows(ctx, func(r pgx.Rows) error {
			var oid uint32
			var part published
			err := r.Scan(&oid, &part.columns, &part.filter)
			p.parts[oid] = part
			return err
		}, columnListsSQL, publicationName)
	}
	c.publication = p
	return err
}

// columnListsSQL is of Postgres 15 and later.
const columnListsSQL = `
select r.prrelid, array(select a.attname::text from pg_catalog.pg_attribute a where a.attrelid = r.prrelid and a.attnum = any(r.prattrs::int2[]) order by a.attnum),
	coalesce(pg_catalog.pg_get_expr(r.prqual, r.prrelid), '')
from pg_catalog.pg_publication_rel r join pg_catalog.pg_publication p on p.oid = r.prpubid
where p.pubname = $1 and r.prattrs is not null`

// doubt forgets what may have changed without the fingerprint: the tables of a publication of all tables, and refusals
// of values that a type has learnt since.
func (c *catalog) doubt() {
	c.publication.tables = nil
	for q, answer := range c.checks {
		if answer.err != nil {
			delete(c.checks, q)
		}
	}
}

// match returns the published tables that the spec means.
func (p *publication) match(s *Spec) []uint32 {
	if s.Schema != wildcard && s.Table != wildcard {
		if oid, ok := p.byName[name{s.Schema, s.Table}]; ok {
			return []uint32{oid}
		}
		return nil
	}
	var out []uint32
	for n, oid := range p.byName {
		if s.wants(n.schema, n.table) {
			out = append(out, oid)
		}
	}
	return out
}

// loadRoles learns which of the names are roles.
func (c *catalog) loadRoles(ctx context.Context, s *session, names []string) error {
	for _, n := range names {
		c.roles[n] = false
		c.watch.roles[n] = true
	}
	return s.rows(ctx, func(r pgx.Rows) error {
		var n string
		err := r.Scan(&n)
		c.roles[n] = true
		return err
	}, "select rolname::text from pg_catalog.pg_roles where rolname = any($1::text[])", names)
}

// quoteLiteral writes s as an SQL string, whatever standard_conforming_strings says.
func quoteLiteral(s string) string {
	return "E'" + strings.NewReplacer(`\`, `\\`, "'", "''").Replace(s) + "'"
}

// filterKey is a table with conditions that Postgres evaluates.
type filterKey struct {
	table      uint32
	conditions string
}
