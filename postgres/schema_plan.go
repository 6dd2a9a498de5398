package postgres

import (
	"embed"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

//go:embed schema/*.sql
var schemaFiles embed.FS

// functions are those that users' SQL calls, in the order in which they are made. They are the original's signatures.
var functions = []struct{ file, signature string }{
	{"topic", "topic()"},
	{"send", "send(jsonb,text,text,boolean)"},
	{"send_binary", "send_binary(bytea,text,text,boolean)"},
	{"broadcast_changes", "broadcast_changes(text,text,text,text,text,record,record,text)"},
}

const publicationSQL = "create publication " + messagesPublication + " for table realtime.messages"

// apiRoles are the roles of tokens.
var apiRoles = []string{"anon", "authenticated", "service_role"}

// plan is what InstallSchema would do: statements for an administrator, because the connected role may not, and its own.
type plan struct {
	f     *facts
	admin []string
	own   []string
	why   []string // what the role lacks
}

// newPlan is pure. It makes what is missing and changes nothing that is there: who took a grant back later shall not find
// it given again. Where the original has been there is nothing to do.
func newPlan(f *facts) *plan {
	p := &plan{f: f}
	if f.foreign {
		return p
	}
	fresh := f.Messages == nil
	var missing []string
	for _, fn := range functions {
		if !f.has(fn.signature) {
			missing = append(missing, fn.file, fn.signature)
		}
	}
	if !fresh && len(missing) == 0 && f.Publication {
		return p
	}
	p.roles()
	if fresh {
		p.schema()
		p.add(file("messages"))
	}
	for i := 0; i < len(missing); i += 2 {
		p.add(file(missing[i]), "alter function realtime."+missing[i+1]+" owner to "+schemaOwner)
	}
	if !f.Publication {
		p.needCreate("create a publication")
		p.add(publicationSQL)
	}
	if fresh {
		p.add("alter table realtime.messages owner to " + schemaOwner)
	}
	if len(p.admin) > 0 && !f.Replication && !f.Super {
		p.replication()
	}
	return p
}

func (p *plan) add(sql ...string) { p.own = append(p.own, sql...) }

// schema makes the schema unless an image has, and opens it.
func (p *plan) schema() {
	s := p.f.Schema
	switch {
	case s == nil:
		p.needCreate("create a schema")
		p.add("create schema realtime")
	case !s.Owned && (!s.Create || !s.Grant):
		p.lack("make tables in schema realtime, which is another role's", "grant all on schema realtime to "+quote(p.f.Role)+" with grant option")
	}
	p.add("grant usage on schema realtime to "+strings.Join(apiRoles, ", "),
		"grant all on schema realtime to "+schemaOwner+" with grant option")
	for _, name := range []string{"postgres", "dashboard_user"} {
		if _, ok := p.f.Roles[name]; !ok {
			continue
		}
		if name == "postgres" {
			p.add("grant usage on schema realtime to postgres with grant option")
		}
		for _, kind := range []string{"tables", "sequences", "functions"} {
			p.add(fmt.Sprintf("alter default privileges in schema realtime grant all on %s to %s", kind, name))
		}
	}
}

// file is the text of one embedded file, without the semicolon at its end.
func file(name string) string {
	text, err := schemaFiles.ReadFile("schema/" + name + ".sql")
	if err != nil {
		panic(err) // compiled in
	}
	return strings.TrimSuffix(strings.TrimSpace(string(text)), ";")
}

func quote(name string) string { return pgx.Identifier{name}.Sanitize() }

// script joins statements as psql wants them.
func script(statements []string) string {
	var b strings.Builder
	for _, s := range statements {
		b.WriteString(s)
		b.WriteString(";\n")
	}
	return b.String()
}
