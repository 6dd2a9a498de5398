package postgres

import (
	"fmt"
	"slices"
	"strings"
)

// PrivilegeError says that the connected role may not do what is to be done, and what an administrator runs so that it may.
type PrivilegeError struct {
	Database string
	Role     string
	Lacks    []string // what the role cannot do, each after "it may not"
	SQL      string   // to be run by a superuser, or an owner of what it names, in that database
}

func (e *PrivilegeError) Error() string {
	return fmt.Sprintf("prepare database %q as role %q: it may not %s; as an administrator run: %s",
		e.Database, e.Role, strings.Join(e.Lacks, ", nor "), strings.ReplaceAll(strings.TrimSpace(e.SQL), "\n", " "))
}

// lack notes what the connected role may not do and the statement by which somebody else does it, or lets it.
func (p *plan) lack(what, sql string) {
	if !slices.Contains(p.why, what) {
		p.why = append(p.why, what)
	}
	if !slices.Contains(p.admin, sql) {
		p.admin = append(p.admin, sql)
	}
}

func (p *plan) needCreate(what string) {
	if !p.f.Create && !p.f.Super {
		p.lack(what, "grant create on database "+quote(p.f.Database)+" to "+quote(p.f.Role))
	}
}

// roleStep is a statement about roles, which belong to the whole server.
type roleStep struct {
	may       bool
	what, sql string
}

// roles makes the roles that are missing and ties them together: the owner of the schema's objects may act as the roles of
// tokens, and the connected role as the owner. Where it may not do all of that an administrator does: a half would not
// help, because each statement builds on those before.
func (p *plan) roles() {
	steps := p.roleSteps()
	if !slices.ContainsFunc(steps, func(s roleStep) bool { return !s.may && !p.f.Super }) {
		for _, s := range steps {
			p.add(s.sql)
		}
		return
	}
	for _, s := range steps {
		if !s.may {
			p.why = append(p.why, s.what)
		}
		p.admin = append(p.admin, s.sql)
	}
}

func (p *plan) roleSteps() []roleStep {
	var steps []roleStep
	made := map[string]bool{}
	for _, name := range append(slices.Clone(apiRoles), schemaOwner) {
		if _, ok := p.f.Roles[name]; ok {
			continue
		}
		may, attributes := p.f.CreateRole, " nologin noinherit"
		if name == "service_role" {
			attributes += " bypassrls"
			may = may && p.f.Version >= 160000 && p.f.Bypass // before, a superuser's privilege
		}
		made[name] = may
		steps = append(steps, roleStep{may, "create role " + name, "create role " + name + attributes})
		if name == schemaOwner {
			steps = append(steps, roleStep{may, "change role " + name, "alter role " + name + " set search_path to public, extensions, realtime"})
		}
	}
	for _, name := range apiRoles {
		if !p.f.Roles[name].Joined {
			steps = append(steps, roleStep{p.grants(name, made), "grant role " + name, "grant " + name + " to " + schemaOwner})
		}
	}
	if !p.f.Roles[schemaOwner].Mine && !p.f.Super {
		steps = append(steps, roleStep{p.grants(schemaOwner, made), "act as " + schemaOwner, "grant " + schemaOwner + " to " + quote(p.f.Role)})
	}
	// Who writes policies on messages has to be its owner, unless the platform has another way for that.
	policies := strings.Contains(p.f.PolicyGrants, "realtime.messages")
	if pg, ok := p.f.Roles["postgres"]; ok && !pg.Super && !pg.Joined && !policies && p.f.Role != "postgres" {
		steps = append(steps, roleStep{p.grants(schemaOwner, made), "grant role " + schemaOwner, "grant " + schemaOwner + " to postgres"})
	}
	return steps
}

// grants reports whether the connected role may give membership in a role to others.
func (p *plan) grants(name string, made map[string]bool) bool {
	if r, ok := p.f.Roles[name]; ok && r.Admin {
		return true
	}
	if p.f.Version < 160000 {
		return p.f.CreateRole && !p.f.Roles[name].Super
	}
	return made[name] // who makes a role may grant it
}

// replication is not needed for the schema, but by whoever reads the write-ahead log next: one visit to the administrator
// is enough.
func (p *plan) replication() {
	sql := "alter role " + quote(p.f.Role) + " with replication"
	if p.f.RDS {
		sql = "grant rds_replication to " + quote(p.f.Role)
	}
	p.lack("read the write-ahead log", sql)
}
