package changes

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"realtime/postgres/wal"
)

// published is how a publication shows one table.
type published struct {
	columns []string // nil: all but generated ones
	filter  string   // "" for none
}

// publishedSQL15 is for servers that know column lists and row filters.
const publishedSQL15 = `select attnames::text[], coalesce(rowfilter, '') from pg_catalog.pg_publication_tables
where pubname = $1 and schemaname = $2 and tablename = $3`

// readPublished reads how the publication shows the table; if it does not, that is not an error.
func (e *Engine) readPublished(ctx context.Context, n name) (p published, err error) {
	if e.session.version < 150000 {
		return p, nil
	}
	err = e.session.rows(ctx, func(r pgx.Rows) error { return r.Scan(&p.columns, &p.filter) }, publishedSQL15, e.o.Publication, n.schema, n.table)
	return p, err
}

// relation is what the stream would say of the table.
func (x *explainer) relation(t *table, p published) *wal.Relation {
	rel := &wal.Relation{OID: t.oid, Schema: t.schema, Name: t.table, Identity: t.identity}
	for i := range t.columns {
		c := &t.columns[i]
		if p.columns != nil && !slices.Contains(p.columns, c.name) || c.generated && x.e.session.version < 180000 {
			continue
		}
		rel.Columns = append(rel.Columns, wal.Column{Name: c.name, Type: c.oid, Mod: -1, Key: c.identity || t.identity == 'f'})
	}
	return rel
}

// readRow makes, of the row that the question names, the transaction that would be streamed.
func (x *explainer) readRow(ctx context.Context, p *path) (*wal.Tx, error) {
	t := x.sub.entries[0].table
	where, args, err := x.where(t)
	if err != nil {
		return nil, err
	}
	if err := x.look(ctx); err != nil {
		return nil, err
	}
	as, err := x.e.readPublished(ctx, x.name())
	if err != nil {
		return nil, fmt.Errorf("read how %s is published: %w", t.name, err)
	}
	rel := x.relation(t, as)
	filter := "true"
	if as.filter != "" {
		filter = "coalesce(" + as.filter + ", false)"
	}
	texts := make([]string, len(rel.Columns))
	for i := range rel.Columns {
		texts[i] = outputText("t." + pgx.Identifier{rel.Columns[i].Name}.Sanitize())
	}
	sql := "select array[" + strings.Join(texts, ", ") + "]::text[], " + filter + " from " + t.only() + " as t where " + where + " limit 2"
	var found []wal.Tuple
	passes := false
	scan := func(r pgx.Rows) error {
		var values []*string
		if err := r.Scan(&values, &passes); err != nil {
			return err
		}
		found = append(found, tupleOf(values))
		return nil
	}
	if err := x.e.session.guarded(ctx, currentLimit, styleWire, scan, sql, args...); err != nil {
		return nil, fmt.Errorf("read the row of %s: %w", t.name, err)
	}
	if err := x.e.session.commit(ctx); err != nil {
		return nil, err
	}
	switch {
	case len(found) == 0:
		return nil, fmt.Errorf("%w in %s that the server can read: %s", ErrNoRow, t.name, x.rowText())
	case len(found) > 1 && len(t.key) > 0:
		return nil, fmt.Errorf("more than one row of %s has %s: name all columns of its primary key", t.name, x.rowText())
	case !passes:
		p.stop(StepPublication, "the publication's row filter is not true of this row: "+as.filter, x.dropFilter(t))
	}
	return &wal.Tx{Time: time.Now(), Rows: []wal.Row{x.row(rel, found[0])}, Last: true}, nil
}

// dropFilter is the SQL that publishes all rows of the table.
func (x *explainer) dropFilter(t *table) string {
	publication := pgx.Identifier{x.e.o.Publication}.Sanitize()
	return fmt.Sprintf("alter publication %s drop table %s; alter publication %s add table %s;", publication, t.name, publication, t.name)
}

func tupleOf(values []*string) wal.Tuple {
	out := make(wal.Tuple, len(values))
	for i, v := range values {
		out[i].Kind = wal.Null
		if v != nil {
			out[i] = wal.Value{Kind: wal.Text, Data: []byte(*v)}
		}
	}
	return out
}

// row is the event as it would be streamed.
func (x *explainer) row(rel *wal.Relation, is wal.Tuple) wal.Row {
	row := wal.Row{Rel: rel, Op: x.q.Op, New: is}
	if rel.Identity == 'f' && row.Op != wal.Insert {
		row.Old, row.OldKind = make(wal.Tuple, len(is)), wal.OldFull
		for i := range is { // memory of its own: the same one would mean a value that was not in the log
			row.Old[i] = wal.Value{Kind: is[i].Kind, Data: bytes.Clone(is[i].Data)}
		}
	}
	if row.Op != wal.Delete {
		return row
	}
	row.New = nil
	if row.OldKind == wal.OldFull {
		return row
	}
	row.Old, row.OldKind = make(wal.Tuple, len(is)), wal.OldKey
	for i := range is {
		row.Old[i].Kind = wal.Null
		if rel.Columns[i].Key {
			row.Old[i] = is[i]
		}
	}
	return row
}

// where is the condition on the row, and its parameters.
func (x *explainer) where(t *table) (sql string, args []any, err error) {
	if len(x.q.Row) == 0 {
		return "", nil, fmt.Errorf("name the row of %s by its primary key", t.name)
	}
	var terms []string
	for n, v := range x.q.Row {
		at := t.columnIndex(v.Column)
		if v.Column == "" && len(t.key) == 1 {
			at = t.key[0].column
		}
		if at < 0 {
			return "", nil, fmt.Errorf("table %s has no column %q to find the row by", t.name, v.Column)
		}
		equals := "="
		for _, k := range t.key {
			if k.column == at {
				equals = k.equals
			}
		}
		col := &t.columns[at]
		terms = append(terms, fmt.Sprintf("t.%s %s ($%d::text)::%s", pgx.Identifier{col.name}.Sanitize(), equals, n+1, col.baseType))
		args = append(args, v.Value)
	}
	return strings.Join(terms, " and "), args, nil
}

// rowText is the row as the question names it.
func (x *explainer) rowText() string {
	var out []string
	for _, v := range x.q.Row {
		if v.Column == "" {
			v.Column = "the key"
		}
		out = append(out, v.Column+" = "+v.Value)
	}
	return strings.Join(out, " and ")
}
