package changes

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// decide asks what the catalog alone does not answer, in one transaction.
func (p *path) decide(ctx context.Context, b *batch, r *batchRow, streamed bool) error {
	e, en := p.e, p.sub.entries[0]
	var err error
	if streamed {
		err = e.await(ctx, b, true)
	} else {
		err = p.look(ctx)
	}
	if err != nil {
		return err
	}
	defer func() { _ = e.session.rollback(ctx) }() // nothing was written; a lost connection shows at the next question
	if err := e.complete(ctx, b); err != nil {
		return err
	}
	wanted := r.wanted
	if e.mustAsk(b); !wanted() {
		if err := p.filtered(ctx, en, r); err != nil || p.done {
			return err
		}
		return p.denied(ctx, b, r)
	}
	if err := e.filter(ctx, b); err != nil {
		return err
	}
	if err := p.filtered(ctx, en, r); err != nil || p.done {
		return err
	}
	if err := e.access(ctx, b); err != nil {
		return err
	}
	if !wanted() {
		return p.denied(ctx, b, r)
	}
	if !en.secured(r) {
		p.set(StepPolicy, NotAsked, p.unasked(en, r), "")
		p.set(StepImage, NotAsked, "", "")
		return nil
	}
	p.pass(StepPolicy, "")
	if p.set(StepImage, NotAsked, "the image of the event decided", ""); en.way(r).rereads() {
		p.pass(StepImage, "")
	}
	return p.policies(ctx, r)
}

// unasked says why no policy was asked.
func (p *path) unasked(en *entry, r *batchRow) string {
	switch {
	case opIndex(r.Op) == opDelete:
		return "a DELETE asks no policy"
	case en.fault != noFault:
		return "nothing of the row is shown"
	case !en.table.rowSecurity:
		return "row level security is off for the table"
	}
	return "row level security does not apply to the role: it owns the table or has BYPASSRLS"
}

// filtered asks each condition of the filter alone.
func (p *path) filtered(ctx context.Context, en *entry, r *batchRow) error {
	if p.done {
		return nil
	}
	if opIndex(r.Op) != opDelete && en.fault != noFault || len(en.spec.Filters) == 0 {
		detail := "there is none"
		if en.fault != noFault {
			detail = "an error goes to everybody"
		}
		p.set(StepFilter, NotAsked, detail, "")
		return nil
	}
	if !p.e.session.inTx {
		if err := p.look(ctx); err != nil {
			return err
		}
		defer func() { _ = p.e.session.rollback(ctx) }() // nothing was written
	}
	for i := range en.spec.Filters {
		why, mend, err := p.condition(ctx, en, r, en.spec.Filters[i])
		if err != nil {
			return err
		}
		if why != "" {
			p.stop(StepFilter, why, mend)
			return nil
		}
	}
	p.pass(StepFilter, "")
	return nil
}

// condition says why the row does not match one condition; "" if it does.
func (p *path) condition(ctx context.Context, en *entry, r *batchRow, c Condition) (why, mend string, err error) {
	t := en.table
	col := &t.columns[t.columnIndex(c.Column)]
	v, known := r.filterValue(t.columnIndex(c.Column))
	switch {
	case !known && opIndex(r.Op) == opDelete:
		why = fmt.Sprintf("%s: a DELETE does not say what %s was", c, pgx.Identifier{c.Column}.Sanitize())
		for _, w := range p.e.deleteTroubles(en) {
			mend = w.mend
		}
		return why, mend, nil
	case !known:
		for _, w := range p.e.columnTroubles(en) {
			mend = w.mend
		}
		return fmt.Sprintf("%s: the event does not have the column (not published, or stored out of line and not changed)", c), mend, nil
	}
	f := newRowFilter(t, []Condition{c}, p.e.session.path)
	g := &filterGroup{table: t, path: f.path, columns: f.columns, filters: []*rowFilter{f}, rows: []*batchRow{r}}
	g.fill()
	alone := &batch{rows: []*batchRow{r}, now: r.tx.Time, calm: true, patient: true}
	number := r.number
	defer func() { r.number = number }()
	r.number = 0
	matches := map[*rowFilter]bits{}
	if err := p.e.evaluateFilters(ctx, alone, g, g.filters, matches); err != nil {
		return "", "", err
	}
	if len(alone.failures) > 0 {
		return fmt.Sprintf("%s: Postgres cannot evaluate it: %s", c, explainError(alone.failures[0].err)), "", nil
	}
	if set := matches[f]; set != nil && set.has(0) {
		return "", "", nil
	}
	return fmt.Sprintf("%s: %s is %s", c, pgx.Identifier{c.Column}.Sanitize(), shown(filterText(col, v))), "", nil
}

// explainError is an error's text for whoever runs the database.
func explainError(err error) string {
	state := stateOf(err)
	text := describe(state)
	if e, ok := err.(*evalError); ok && e.message != "" { //nolint:errorlint // as it was made
		text += ": " + e.message
	}
	return text
}

// denied finds out what hides the row: that it is not the one of the event any more, that it could not be asked, or the
// policies.
func (p *path) denied(ctx context.Context, b *batch, r *batchRow) error {
	e, en := p.e, p.sub.entries[0]
	if en.plan.broken != nil || en.plan.tier == tierDeny {
		w, _ := e.readTrouble(en)
		if en.plan.broken != nil {
			w.text += ": " + explainError(en.plan.broken)
		}
		p.stop(StepPolicy, w.text, w.mend)
		return p.policies(ctx, r)
	}
	if w, found := e.readTrouble(en); found && w.kind == troubleServer {
		p.stop(StepImage, w.text, w.mend)
		return nil
	}
	if en.way(r).rereads() {
		is := newBits(len(b.rows))
		if err := e.compare(ctx, en.table, []*batchRow{r}, is); err == nil && !is.has(r.number) {
			p.stop(StepImage, "the row has changed or gone since the event, and this policy can only be asked about the row that is there now", "")
			return nil
		}
	}
	for _, f := range b.failures {
		if f.filter == nil {
			p.stop(StepPolicy, "the policies raise an error for this role and claims: "+explainError(f.err), "")
			return p.policies(ctx, r)
		}
	}
	p.stop(StepPolicy, "", "")
	if err := p.policies(ctx, r); err != nil {
		return err
	}
	p.step(StepPolicy).Detail = p.hiders()
	return nil
}

// hiders names the policies that hide the row.
func (p *path) hiders() string {
	var permissive, restrictive []string
	for i := range p.out.Policies {
		pol := &p.out.Policies[i]
		switch {
		case !pol.Applies || pol.Says == "" || pol.Says == "true":
		case pol.Restrictive:
			restrictive = append(restrictive, fmt.Sprintf("%q (%s)", pol.Name, pol.Says))
		default:
			permissive = append(permissive, fmt.Sprintf("%q (%s)", pol.Name, pol.Says))
		}
	}
	allows := slices.ContainsFunc(p.out.Policies, func(pol Policy) bool { return pol.Applies && !pol.Restrictive && pol.Says == "true" })
	switch {
	case len(restrictive) > 0:
		return "restrictive policy " + strings.Join(restrictive, ", ") + " hides the row"
	case !allows && len(permissive) > 0:
		return "no policy lets the role with these claims see the row: " + strings.Join(permissive, ", ")
	}
	return "the policies together hide the row; asked one by one about the values alone they do not"
}
