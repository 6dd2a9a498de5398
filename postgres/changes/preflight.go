package changes

import (
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// maxWarnings bounds the warnings of one subscription; a wildcard may match hundreds of tables.
const maxWarnings = 10

// preflight finds what would keep a live subscription silent, each with the SQL that mends it.
func (e *Engine) preflight(sub *subscriber) []string {
	var out []string
	more := 0
	for _, en := range sub.entries {
		for _, w := range e.warnings(en) {
			switch {
			case slices.Contains(out, w):
			case len(out) < maxWarnings:
				out = append(out, w)
			default:
				more++
			}
		}
	}
	if more > 0 {
		out = append(out, fmt.Sprintf("…and %d more of this kind.", more))
	}
	return out
}

func (e *Engine) warnings(en *entry) []string {
	var out []string
	t, p := en.table, en.plan
	role := pgx.Identifier{p.role}.Sanitize()
	writes := en.events[opInsert] || en.events[opUpdate]
	if writes {
		switch {
		case p.broken != nil:
			out = append(out, fmt.Sprintf("The server cannot take on role %s (%s), so INSERT and UPDATE of %s will not arrive: grant %s to the server's own role;", role, describe(stateOf(p.broken)), t.name, role))
		case len(t.key) == 0:
			out = append(out, fmt.Sprintf("Table %s has no primary key, so INSERT and UPDATE arrive as an error without columns: alter table %s add primary key (…);", t.name, t.name))
		case !p.usage:
			out = append(out, fmt.Sprintf("Role %s may not use schema %s, so changes of %s arrive as Error 401: grant usage on schema %s to %s;", role, pgx.Identifier{t.schema}.Sanitize(), t.name, pgx.Identifier{t.schema}.Sanitize(), role))
		case p.fault == fault401:
			out = append(out, fmt.Sprintf("Role %s may not read the primary key of %s, so changes arrive as Error 401: grant select on %s to %s;", role, t.name, t.name, role))
		case p.tier == tierDeny:
			out = append(out, fmt.Sprintf("Row level security is on for %s and no policy lets role %s read, so INSERT and UPDATE will not arrive: create policy … on %s for select to %s using (…);", t.name, role, t.name, role))
		case p.tier.asks() && !t.readable:
			out = append(out, fmt.Sprintf("The server's own role cannot read all of %s, so policies cannot be checked: grant select on %s to it and give it BYPASSRLS;", t.name, t.name))
		}
	}
	out = append(out, e.deleteWarnings(en)...)
	var missing []string
	for op, name := range map[int]string{opInsert: "INSERT", opUpdate: "UPDATE", opDelete: "DELETE"} {
		if en.events[op] && !e.catalog.publication.actions[name] && en.spec.Event == name {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		publication := pgx.Identifier{e.o.Publication}.Sanitize()
		out = append(out, fmt.Sprintf("Publication %s does not publish %s: alter publication %s set (publish = 'insert, update, delete');", publication, strings.Join(missing, ", "), publication))
	}
	return out
}

// deleteWarnings: the old row of a DELETE has the replica identity's columns only, and a filter on another never matches.
func (e *Engine) deleteWarnings(en *entry) []string {
	t := en.table
	if !en.events[opDelete] || t.identity == 'f' {
		return nil
	}
	var out []string
	for _, c := range en.spec.Filters {
		at := t.columnIndex(c.Column)
		if at < 0 || t.identity == 'd' && t.columns[at].key || t.identity == 'i' {
			continue
		}
		out = append(out, fmt.Sprintf("A DELETE of %s does not say what %s was, so it never matches this filter: alter table %s replica identity full;", t.name, pgx.Identifier{c.Column}.Sanitize(), t.name))
	}
	return out
}
