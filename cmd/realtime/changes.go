package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"strings"
	"time"

	"realtime/postgres"
	"realtime/postgres/changes"
	"realtime/protocol"
	"realtime/tenancy"
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

	Role   string `default:"anon" help:"Database role in the user's token."`
	Sub    string `placeholder:"ID" help:"User id in it: auth.uid() in policies."`
	Claims string `placeholder:"JSON" help:"Claims in it, as a JSON object; they win over --role and --sub."`
	Token  string `placeholder:"JWT" help:"The token itself, in place of all three. Its signature is not checked."`

	DatabaseURL string `name:"database-url" placeholder:"URL" help:"Database to ask; unset: the one of the server on this machine, or DB_HOST."`
	Tenant      string `placeholder:"ID" help:"Ask the database of this tenant's row."`
	Publication string `placeholder:"NAME" help:"Publication; unset: the tenant's, or supabase_realtime."`
}

// options are the database and publication to ask.
func (f *subscriberFlags) options(ctx context.Context, p *process) (changes.Options, error) {
	o := changes.Options{Publication: tenancy.DefaultPublication}
	c, err := p.config()
	if err != nil {
		return o, err
	}
	switch {
	case f.DatabaseURL != "" && f.Tenant != "":
		return o, usage(errors.New("--database-url and --tenant: want one of them"))
	case f.DatabaseURL != "":
		if o.Settings, err = postgres.ParseURL(f.DatabaseURL); err != nil {
			return o, usage(fmt.Errorf("--database-url: %w", err))
		}
	case f.Tenant != "":
		t, err := storedTenant(ctx, c, f.Tenant)
		if err != nil {
			return o, err
		}
		db, err := t.Database()
		if err != nil {
			return o, &failure{step: "find the tenant's database", err: err}
		}
		o.Settings, o.Publication, o.MaxRecordBytes = db.Settings, db.Publication, db.MaxRecordBytes
	default:
		if o.Settings, err = databaseInUse(ctx, c); err != nil {
			return o, err
		}
	}
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
	claims := map[string]any{"role": f.Role}
	if f.Sub != "" {
		claims["sub"] = f.Sub
	}
	text := f.Claims
	if f.Token != "" {
		if text, err = claimsIn(f.Token); err != nil {
			return q, usage(fmt.Errorf("--token: %w", err))
		}
		claims = map[string]any{}
	}
	if text != "" {
		more, err := object(text)
		if err != nil {
			return q, usage(fmt.Errorf("--claims: %w", err))
		}
		maps.Copy(claims, more)
	}
	q.Role, _ = claims["role"].(string)
	noteExpiry(w, claims)
	if q.Claims = text; f.Token == "" { // those of a token stay as they were signed
		out, err := json.Marshal(claims)
		if err != nil {
			return q, fmt.Errorf("write the claims: %w", err)
		}
		q.Claims = string(out)
	}
	return q, nil
}

// noteExpiry says that a token is no good any more: the question can be answered all the same.
func noteExpiry(w io.Writer, claims map[string]any) {
	number, _ := claims["exp"].(json.Number)
	at, err := number.Float64()
	if expiry := time.Unix(int64(at), 0); err == nil && expiry.Before(time.Now()) {
		fmt.Fprintf(w, "note: these claims expired at %s; the server refuses their token\n", expiry.UTC().Format(time.RFC3339))
	}
}

// claimsIn is the JSON of a token's claims. Who can ask the database directly need not prove who he is.
func claimsIn(token string) (string, error) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return "", errors.New("want a JWT: three parts with dots between them")
	}
	raw, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(parts[1], "="))
	if err != nil {
		return "", errors.New("its second part is not base64url")
	}
	return string(raw), nil
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
