package changes

import (
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// columnTroubles: the publication has a list of columns for the table, and a filter on another never matches. (A generated
// column is computed here.)
func (e *Engine) columnTroubles(en *entry) []trouble {
	t := en.table
	part, listed := e.catalog.publication.parts[t.oid]
	if !listed {
		return nil
	}
	missing := en.filtersOn(func(c *column) bool { return !c.generated && !slices.Contains(part.columns, c.name) })
	if missing == nil {
		return nil
	}
	return []trouble{{
		troubleColumns, fmt.Sprintf("Publication %s leaves %s of %s out, so no row ever matches this filter", pgx.Identifier{e.o.Publication}.Sanitize(), quotedNames(missing), t.name),
		e.republish(t, append(slices.Clone(part.columns), missing...)),
	}}
}

// deleteTroubles: the old row of a DELETE has the replica identity's columns only, and a filter on another never matches.
// A whole identity needs all columns in the publication: with less, Postgres would refuse every UPDATE and DELETE.
func (e *Engine) deleteTroubles(en *entry) []trouble {
	t := en.table
	if !en.events[opDelete] || t.identity == 'f' {
		return nil
	}
	missing := en.filtersOn(func(c *column) bool { return !c.identity })
	if missing == nil {
		return nil
	}
	mend := fmt.Sprintf("alter table %s replica identity full;", t.name)
	if _, listed := e.catalog.publication.parts[t.oid]; listed {
		mend = e.republish(t, nil) + " " + mend
	}
	return []trouble{{troubleIdentity, fmt.Sprintf("A DELETE of %s does not say what %s was, so it never matches this filter", t.name, quotedNames(missing)), mend}}
}

// filtersOn returns which columns of a kind the filter looks at, each once.
func (e *entry) filtersOn(kind func(*column) bool) []string {
	var out []string
	for _, c := range e.spec.Filters {
		at := e.table.columnIndex(c.Column)
		if at >= 0 && kind(&e.table.columns[at]) && !slices.Contains(out, c.Column) {
			out = append(out, c.Column)
		}
	}
	return out
}

func quotedNames(names []string) string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = pgx.Identifier{n}.Sanitize()
	}
	return strings.Join(out, ", ")
}

// republish is the SQL that publishes these columns of the table, nil for all; its rows stay those that they are.
func (e *Engine) republish(t *table, columns []string) string {
	publication, list, where := pgx.Identifier{e.o.Publication}.Sanitize(), "", ""
	all := !slices.ContainsFunc(t.columns, func(c column) bool { return !c.generated && !slices.Contains(columns, c.name) })
	if columns != nil && !all {
		list = " (" + quotedNames(columns) + ")"
	}
	if w := e.catalog.publication.parts[t.oid].filter; w != "" {
		where = " where (" + w + ")"
	}
	return fmt.Sprintf("alter publication %[1]s drop table %[2]s; alter publication %[1]s add table %[2]s%[3]s%[4]s;", publication, t.name, list, where)
}
