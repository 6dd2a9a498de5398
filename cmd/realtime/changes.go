package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"realtime/postgres/changes"
	"realtime/protocol"
)

type changesCommands struct {
	Explain explainCommand `cmd:"" help:"Say whether a user gets what happens to a row, and if not, why."`
	Tail    tailCommand    `cmd:"" help:"Print the changes of a table as a user gets them."`
}

// subscriberFlags say which database, and who listens for what.
type subscriberFlags struct {
	Table  string `required:"" placeholder:"SCHEMA.TABLE" help:"Table; without a schema, of public."`
	Filter string `placeholder:"FILTER" help:"The subscription's filter, such as id=eq.1."`
	Listen string `placeholder:"EVENT" default:"*" help:"The subscription's event: INSERT, UPDATE, DELETE or *."`

	userFlags
	databaseFlags
	Publication string `placeholder:"NAME" help:"Publication; unset: the tenant's, or supabase_realtime."`
}

// options are the database and publication to ask.
func (f *subscriberFlags) options(ctx context.Context, p *process) (changes.Options, error) {
	db, err := f.database(ctx, p)
	if err != nil {
		return changes.Options{}, err
	}
	o := changes.Options{Settings: db.Settings, Publication: db.Publication, MaxRecordBytes: db.MaxRecordBytes}
	if f.Publication != "" {
		o.Publication = f.Publication
	}
	return o, nil
}

// question is the subscription, without a row. What is odd about the token goes to w.
func (f *subscriberFlags) question(w io.Writer) (changes.Question, error) {
	schema, table, err := tableName(f.Table)
	if err != nil {
		return changes.Question{}, usage(fmt.Errorf("--table: %w", err))
	}
	listen := strings.ToUpper(f.Listen)
	q := changes.Question{Entry: protocol.ChangeEntry{ID: 1, Event: &listen, Schema: &schema, Table: &table}}
	if f.Filter != "" {
		q.Entry.Filter = &f.Filter
	}
	q.Role, _, q.Claims, err = f.claims(w)
	return q, err
}

// tableName reads schema.table as SQL would: a part in double quotes may have dots and, doubled, quotes in it. Without
// quotes it is taken as it stands, upper-case letters and all.
func tableName(text string) (schema, table string, err error) {
	var parts []string
	for rest := text; ; {
		var part string
		if quoted, is := strings.CutPrefix(rest, `"`); is {
			part, rest, is = cutQuoted(quoted)
			if !is {
				return "", "", fmt.Errorf("%s: a quote is not closed", text)
			}
		} else if i := strings.IndexByte(rest, '.'); i >= 0 {
			part, rest = rest[:i], rest[i:]
		} else {
			part, rest = rest, ""
		}
		parts = append(parts, part)
		if rest == "" {
			break
		}
		if rest[0] != '.' {
			return "", "", fmt.Errorf("%s: want a dot between schema and table", text)
		}
		rest = rest[1:]
	}
	switch {
	case len(parts) == 1 && parts[0] != "":
		return "public", parts[0], nil
	case len(parts) == 2 && parts[0] != "" && parts[1] != "":
		return parts[0], parts[1], nil
	}
	return "", "", fmt.Errorf("%q: want schema.table, such as public.todos", text)
}

// cutQuoted ends a quoted name.
func cutQuoted(s string) (name, rest string, closed bool) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] != '"':
			b.WriteByte(s[i])
		case i+1 < len(s) && s[i+1] == '"':
			b.WriteByte('"')
			i++
		default:
			return b.String(), s[i+1:], true
		}
	}
	return "", "", false
}
