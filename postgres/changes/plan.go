package changes

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// tier is how a plan's rows are decided.
type tier uint8

const (
	// tierOpen (T0): row security is not active for the role; its column privileges decide.
	tierOpen tier = iota
	// tierDeny: no permissive policy applies to the role, or the role cannot be asked at all.
	tierDeny
	// tierJoin (T1): one statement joins row images with the values that claims have, for everybody.
	tierJoin
	// tierClaims (T2): one statement for each claims asks about row images.
	tierClaims
	// tierReread (T3): the role reads the row again by its key, one statement for each claims.
	tierReread
	// tierProbe (T4): a policy has side effects; each row and claims is a transaction of its own that is rolled back.
	tierProbe
)

// String is the tier's name in messages.
func (t tier) String() string {
	return [...]string{"T0", "deny", "T1", "T2", "T3", "T4"}[t]
}

// rowFault is what a row carries instead of its columns when the role may not even read the key.
type rowFault uint8

const (
	noFault rowFault = iota
	fault400
	fault401
)

// text is the sentence clients know; "" for none.
func (f rowFault) text() string {
	switch f {
	case fault400:
		return "Error 400: Bad Request, no primary key"
	case fault401:
		return "Error 401: Unauthorized"
	case noFault:
	}
	return ""
}

// plan is how one role's subscribers of one table are served. It is immutable once made.
type plan struct {
	table *table
	role  string
	tier  tier
	fault rowFault // of INSERT and UPDATE; a DELETE is never checked
	usage bool     // USAGE on the schema
	// readable: the role may SELECT from the table as a whole, not just columns.
	readable bool
	// selectable says which columns, by index, the role may SELECT.
	selectable []bool
	// mentions are the columns that the policies read; with whole set, the whole row.
	mentions []bool
	whole    bool
	// active: row security applies to the role.
	active bool
	// replan: a function that is declared IMMUTABLE may hold what it read of an earlier statement's claims, so every
	// statement is planned anew; discard: plans inside of functions are, too.
	replan, discard bool
	serial          int   // names the plan's functions in the session
	broken          error // why the role cannot be asked, with tierDeny
	blocked         map[*principal]*quarantine
	slow            quarantine // of all principals
	pace            int        // principals of the next slice
	// image is how row images are asked about; nil in other tiers than T1 and T2. rowPace is the rows of the next slice.
	image   *imaging
	rowPace int
	// why is what keeps the plan from T1.
	why      reason
	suspects map[*principal]bool // whose statement raised an error
}

// policy is one row of pg_policy that has a say in SELECT.
type policy struct {
	permissive bool
	applies    bool // to the role asked about
	name       string
	qual, text string // its expression as a tree and as Postgres writes it
}

const securitySQL = `
select r.rel, r.active, r.state, r.message, pg_catalog.has_schema_privilege($1::text, c.relnamespace, 'usage'),
	pg_catalog.has_table_privilege($1::text, c.oid, 'select'),
	array(select a.attnum from pg_catalog.pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
		and pg_catalog.has_column_privilege($1::text, a.attrelid, a.attnum, 'select'))
from pg_temp.realtime_role_security($1::text, $2::pg_catalog.oid[]) r
join pg_catalog.pg_class c on c.oid = r.rel`

// policiesSQL has the order in which Postgres evaluates permissive policies: an error counts only until one says yes.
const policiesSQL = `
select p.polrelid, p.polpermissive, p.polname::text, p.polqual::text, pg_catalog.pg_get_expr(p.polqual, p.polrelid),
	exists (select from pg_catalog.unnest(p.polroles) r where r = 0 or pg_catalog.pg_has_role($1::text, r, 'usage'))
from pg_catalog.pg_policy p
where p.polrelid = any($2::pg_catalog.oid[]) and p.polcmd in ('r', '*')
order by p.polname desc`

// loadPlans makes the plans of one role for tables that are loaded. The role exists, or did a moment ago.
func (c *catalog) loadPlans(ctx context.Context, s *session, role string, oids []uint32) error {
	policies := map[uint32][]policy{}
	if err := s.rows(ctx, func(r pgx.Rows) error {
		var rel uint32
		var p policy
		var qual, text *string
		if err := r.Scan(&rel, &p.permissive, &p.name, &qual, &text, &p.applies); err != nil {
			return err
		}
		p.qual, p.text = deref(qual), deref(text)
		policies[rel] = append(policies[rel], p)
		return nil
	}, policiesSQL, role, oids); err != nil {
		return fmt.Errorf("read policies: %w", err)
	}
	var made []*plan
	if err := s.rows(ctx, func(r pgx.Rows) error {
		p, err := c.scanPlan(r, s, role)
		if p != nil {
			made = append(made, p)
		}
		return err
	}, securitySQL, role, oids); err != nil {
		return fmt.Errorf("read privileges: %w", err)
	}
	for _, p := range made {
		if p.tier == tierDeny || !p.active {
			continue
		}
		if err := c.classify(ctx, s, p, policies[p.table.oid]); err != nil {
			return fmt.Errorf("read what policies use: %w", err)
		}
	}
	return nil
}

// scanPlan makes the plan of one table, but for its policies.
func (c *catalog) scanPlan(r pgx.Rows, s *session, role string) (*plan, error) {
	var rel uint32
	var active *bool
	var state, message *string
	var usage, whole bool
	var readable []int16
	if err := r.Scan(&rel, &active, &state, &message, &usage, &whole, &readable); err != nil {
		return nil, err
	}
	t := c.tables[rel]
	if t == nil {
		return nil, nil
	}
	s.serial++
	p := &plan{
		table: t, role: role, usage: usage, readable: whole, serial: s.serial, pace: firstSlice, rowPace: maxBatchRows,
		selectable: make([]bool, len(t.columns)), mentions: make([]bool, len(t.columns)), blocked: map[*principal]*quarantine{}, suspects: map[*principal]bool{},
	}
	for i := range t.columns {
		for _, number := range readable {
			p.selectable[i] = p.selectable[i] || t.columns[i].number == number
		}
	}
	switch {
	case state != nil:
		p.tier, p.broken, p.active = tierDeny, &evalError{state: *state, message: deref(message)}, true
	case active == nil:
		p.tier, p.active = tierDeny, true // the answer was lost: never open by default
	default:
		p.tier, p.active = tierOpen, *active // its policies are still to be looked at
	}
	p.fault = p.findFault()
	t.plans[role] = p
	return p, nil
}

// findFault: without a key nobody can be told which row it was, and what the role cannot read by its key Postgres
// would refuse it, with row security or without.
func (p *plan) findFault() rowFault {
	if len(p.table.key) == 0 {
		return fault400
	}
	for _, k := range p.table.key {
		if !p.selectable[k.column] {
			return fault401
		}
	}
	if !p.usage {
		return fault401
	}
	return noFault
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
