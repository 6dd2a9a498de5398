package changes

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"realtime/postgres/wal"
)

// meanings say in a sentence how each tier decides.
var meanings = map[tier][2]string{
	tierOpen:   {"T0", "row level security is not active for the role: its privileges alone decide"},
	tierDeny:   {"deny", "no permissive policy applies to the role, or it cannot be asked: nothing is shown"},
	tierJoin:   {"T1", "one statement about the images of all rows, for all claims together"},
	tierClaims: {"T2", "one statement about the images of all rows for each distinct claims"},
	tierReread: {"T3", "the row is read again by its key as the role, one statement for each distinct claims, and must still be the one of the event"},
	tierProbe:  {"T4", "a policy may have side effects: a statement of its own for each row and claims, rolled back"},
}

// rereads reports whether the tier asks about the row that is in the table now.
func (t tier) rereads() bool { return t == tierReread || t == tierProbe }

// describe tells the plan.
func (p *path) describe(en *entry) {
	m := meanings[en.plan.tier]
	p.out.Tier, p.out.Plan, p.out.Why, p.out.Rewrite = m[0], m[1], en.plan.why.text, en.plan.why.rewrite
	if im := en.plan.image; im != nil {
		p.out.Hoisted = im.hoisted
	}
}

const explainPoliciesSQL = `
select p.polname::text, p.polpermissive, p.polcmd::text,
	array(select case r when 0 then 'public' else pg_catalog.pg_get_userbyid(r)::text end from pg_catalog.unnest(p.polroles) r),
	exists (select from pg_catalog.unnest(p.polroles) r where r = 0 or pg_catalog.pg_has_role($1::text, r, 'usage')),
	coalesce(pg_catalog.pg_get_expr(p.polqual, p.polrelid), '')
from pg_catalog.pg_policy p where p.polrelid = $2 order by p.polpermissive desc, p.polname`

var policyCommands = map[string]string{"*": "ALL", "r": "SELECT", "a": "INSERT", "w": "UPDATE", "d": "DELETE"}

// policies lists the table's policies and asks each that has a say what it says of the row. It decides nothing: the Engine
// has done that.
func (p *path) policies(ctx context.Context, r *batchRow) error {
	if !p.e.session.inTx {
		if err := p.look(ctx); err != nil {
			return err
		}
		defer func() { _ = p.e.session.rollback(ctx) }() // nothing was written
	}
	en := p.sub.entries[0]
	if err := p.e.session.exec(ctx, "set local search_path = ''"); err != nil {
		return err
	}
	var list []Policy
	err := p.e.session.rows(ctx, func(rows pgx.Rows) error {
		var pol Policy
		var permissive bool
		var command string
		err := rows.Scan(&pol.Name, &permissive, &command, &pol.Roles, &pol.Applies, &pol.Expression)
		pol.Restrictive, pol.Command = !permissive, policyCommands[command]
		pol.Applies = pol.Applies && (command == "*" || command == "r")
		list = append(list, pol)
		return err
	}, explainPoliciesSQL, p.q.Role, en.table.oid)
	if err != nil {
		return fmt.Errorf("read policies: %w", err)
	}
	p.out.Policies = list
	if en.plan.broken != nil {
		return nil
	}
	return p.say(ctx, en.table, r)
}

// say asks each policy about the values of the event, as the role with the claims.
func (p *path) say(ctx context.Context, t *table, r *batchRow) error {
	values, image := p.image(t, r)
	var statements []string
	var asked []*Policy
	for i := range p.out.Policies {
		if pol := &p.out.Policies[i]; pol.Applies && pol.Expression != "" {
			asked = append(asked, pol)
			statements = append(statements, "select array[coalesce(("+pol.Expression+")::pg_catalog.text, 'null')] from "+image)
		}
	}
	if len(asked) == 0 {
		return nil
	}
	if err := p.e.session.exec(ctx, "select pg_catalog.set_config('request.jwt.claims', "+quoteLiteral(p.q.Claims)+", true)"); err != nil {
		return err
	}
	results, err := p.e.session.evaluate(ctx, currentLimit, styleOwn, p.q.Role, p.e.session.path, statements, values, nil)
	if err != nil {
		return fmt.Errorf("ask policies one by one: %w", err)
	}
	for i, pol := range asked {
		switch res := results[i]; {
		case res.err != nil:
			pol.Says = "error " + explainError(res.err)
		case len(res.values) == 1:
			pol.Says = deref(res.values[0])
		}
	}
	return nil
}

// image is a row of the event's values under the table's name, made of $1.
func (p *path) image(t *table, r *batchRow) (values []*string, sql string) {
	columns := make([]string, len(t.columns))
	for i := range t.columns {
		var text *string
		if v, ok := r.imageValue(i, false); ok && v.Kind == wal.Text {
			s := string(v.Data)
			text = &s
		}
		values = append(values, text)
		columns[i] = fmt.Sprintf("(($1)[%d])::%s as %s", i+1, t.columns[i].sqlType, pgx.Identifier{t.columns[i].name}.Sanitize())
	}
	return values, "(select " + strings.Join(columns, ", ") + ") as " + pgx.Identifier{t.table}.Sanitize()
}
