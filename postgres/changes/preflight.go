package changes

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// maxWarnings bounds the warnings of one subscription; a wildcard may match hundreds of tables.
const maxWarnings = 10

// trouble is one reason why rows would not arrive, and the SQL that mends it.
type trouble struct {
	kind troubleKind
	text string
	mend string
}

// troubleKind says which step of a row's way the trouble is at.
type troubleKind uint8

const (
	troublePublication troubleKind = iota
	troubleRole                    // the server cannot become the role
	troubleKey                     // no primary key
	troubleUsage
	troublePrivilege
	troublePolicy
	troubleServer   // the server cannot read the rows itself
	troubleIdentity // a DELETE does not say what the filter looks at
	troubleColumns  // nor does any event: the publication leaves the column out
)

// String is the sentence that a member is told.
func (w trouble) String() string { return w.text + ": " + w.mend }

// preflight finds what would keep a live subscription silent, each with the SQL that mends it.
func (e *Engine) preflight(sub *subscriber) []string {
	var all []string
	for _, en := range sub.entries {
		for _, w := range e.troubles(en) {
			if s := w.String(); !slices.Contains(all, s) {
				all = append(all, s)
			}
		}
	}
	if more := len(all) - maxWarnings; more > 0 {
		all = append(all[:maxWarnings], fmt.Sprintf("…and %d more of this kind.", more))
	}
	return all
}

// troubles are those of one entry.
func (e *Engine) troubles(en *entry) []trouble {
	var out []trouble
	if en.events[opInsert] || en.events[opUpdate] {
		if w, found := e.readTrouble(en); found {
			out = append(out, w)
		}
		out = append(out, e.columnTroubles(en)...)
	}
	return append(append(out, e.deleteTroubles(en)...), e.unpublishedEvents(en)...)
}

// readTrouble is the first thing that stands between the role and new rows. What comes behind it shows once it is mended.
func (e *Engine) readTrouble(en *entry) (trouble, bool) {
	t, p := en.table, en.plan
	role, server := pgx.Identifier{p.role}.Sanitize(), pgx.Identifier{e.o.Settings.User}.Sanitize()
	schema := pgx.Identifier{t.schema}.Sanitize()
	switch {
	case p.broken != nil:
		return trouble{
			troubleRole, fmt.Sprintf("The server cannot take on role %s (%s), so INSERT and UPDATE of %s will not arrive", role, describe(stateOf(p.broken)), t.name),
			fmt.Sprintf("grant %s to %s;", role, server),
		}, true
	case len(t.key) == 0:
		return trouble{
			troubleKey, fmt.Sprintf("Table %s has no primary key that is checked at once, so INSERT and UPDATE arrive as Error 400, without columns", t.name), t.addKey(),
		}, true
	case !p.usage:
		return trouble{
			troubleUsage, fmt.Sprintf("Role %s may not use schema %s, so INSERT and UPDATE of %s arrive as Error 401, without columns", role, schema, t.name),
			fmt.Sprintf("grant usage on schema %s to %s;", schema, role),
		}, true
	case p.fault == fault401:
		return trouble{
			troublePrivilege, fmt.Sprintf("Role %s may not read the primary key of %s, so INSERT and UPDATE arrive as Error 401, without columns", role, t.name),
			fmt.Sprintf("grant select%s on %s to %s;", p.unreadableKey(), t.name, role),
		}, true
	case p.tier == tierDeny:
		condition, hint := t.suggestPolicy()
		return trouble{
			troublePolicy, fmt.Sprintf("Row level security is on for %s and no policy lets role %s read, so INSERT and UPDATE will not arrive%s", t.name, role, hint),
			fmt.Sprintf(`create policy "rows to read" on %s for select to %s using (%s);`, t.name, role, condition),
		}, true
	case p.tier.rereads() && !t.readable:
		return trouble{
			troubleServer, fmt.Sprintf("The server's own role cannot read all of %s, so policies cannot be checked and INSERT and UPDATE will not arrive", t.name),
			fmt.Sprintf("grant select on %s to %s; alter role %s bypassrls;", t.name, server, server),
		}, true
	}
	return trouble{}, false
}

// addKey is the SQL that gives the table a primary key.
func (t *table) addKey() string {
	switch {
	case t.lateKey != "":
		definition, _, _ := strings.Cut(t.lateKeyAs, " DEFERRABLE")
		return fmt.Sprintf("alter table %s drop constraint %s, add %s;", t.name, pgx.Identifier{t.lateKey}.Sanitize(), definition)
	case t.columnIndex("id") >= 0:
		return fmt.Sprintf(`alter table %s add primary key ("id");`, t.name)
	}
	return fmt.Sprintf(`alter table %s add column "id" bigint generated always as identity primary key;`, t.name)
}

// unreadableKey lists the columns of the key that the role cannot read, if it can read others: then somebody chose them.
func (p *plan) unreadableKey() string {
	if !slices.Contains(p.selectable, true) {
		return ""
	}
	var missing []string
	for _, k := range p.table.key {
		if !p.selectable[k.column] {
			missing = append(missing, pgx.Identifier{p.table.columns[k.column].name}.Sanitize())
		}
	}
	return " (" + strings.Join(missing, ", ") + ")"
}

// ownerColumns are what applications call the column that says whose a row is.
var ownerColumns = []string{"user_id", "owner_id", "owner", "profile_id", "created_by", "uid"}

// suggestPolicy is the condition of a policy that shows a row to its owner, or to everybody where none can be guessed.
func (t *table) suggestPolicy() (condition, hint string) {
	for _, name := range ownerColumns {
		if i := t.columnIndex(name); i >= 0 && t.columns[i].base == 2950 { // uuid
			return "(select auth.uid()) = " + pgx.Identifier{name}.Sanitize(), ""
		}
	}
	return "true", "; to show it every row"
}

// unpublishedEvents: an event that was asked for by name is not in the publication.
func (e *Engine) unpublishedEvents(en *entry) []trouble {
	if en.spec.Event == wildcard || e.catalog.publication.actions[en.spec.Event] {
		return nil
	}
	return []trouble{e.publishTrouble(en.spec.Event)}
}

func (e *Engine) publishTrouble(event string) trouble {
	var actions []string
	for _, a := range []string{"INSERT", "UPDATE", "DELETE", "TRUNCATE"} {
		if e.catalog.publication.actions[a] || a == event {
			actions = append(actions, strings.ToLower(a))
		}
	}
	publication := pgx.Identifier{e.o.Publication}.Sanitize()
	return trouble{
		troublePublication, fmt.Sprintf("Publication %s does not publish %s", publication, event),
		fmt.Sprintf("alter publication %s set (publish = '%s');", publication, strings.Join(actions, ", ")),
	}
}

const unpublishedSQL = `
select c.relkind::text, c.relpersistence::text, exists (select from pg_catalog.pg_publication where pubname = $3)
from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where n.nspname = $1 and c.relname = $2`

// unpublished explains refusals of tables that are there and not in the publication. What clients search for is the
// refusal; this is said beside it.
func (e *Engine) unpublished(ctx context.Context, sub *subscriber) []string {
	var out []string
	for i := range sub.specs {
		s := &sub.specs[i]
		if s.Schema == wildcard || s.Table == wildcard || s.Schema == "realtime" || s.Schema == "_realtime" || len(e.catalog.publication.match(s)) > 0 {
			continue
		}
		w, found, err := e.unpublishedTable(ctx, name{s.Schema, s.Table})
		if err != nil {
			return nil // it was only a kindness
		}
		if text := w.String(); found && len(out) < maxWarnings && !slices.Contains(out, text) {
			out = append(out, text)
		}
	}
	return out
}

func (e *Engine) unpublishedTable(ctx context.Context, n name) (w trouble, found bool, err error) {
	publication := pgx.Identifier{e.o.Publication}.Sanitize()
	err = e.session.rows(ctx, func(r pgx.Rows) error {
		var kind, persistence string
		var exists bool
		if err := r.Scan(&kind, &persistence, &exists); err != nil {
			return err
		}
		w.mend = fmt.Sprintf("alter publication %s add table %s;", publication, n)
		if !exists {
			w.mend = fmt.Sprintf("create publication %s for table %s;", publication, n)
		}
		w.text = fmt.Sprintf("%s is not in publication %s", n, publication)
		if persistence == "u" {
			w.mend = fmt.Sprintf("alter table %s set logged; %s", n, w.mend)
		}
		found = persistence != "t" && (kind == "r" || kind == "p")
		if kind == "p" {
			w.mend += fmt.Sprintf(" alter publication %s set (publish_via_partition_root = true);", publication)
		}
		return nil
	}, unpublishedSQL, n.schema, n.table, e.o.Publication)
	return w, found, err
}
