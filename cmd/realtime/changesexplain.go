package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"realtime/postgres/changes"
	"realtime/postgres/wal"
)

// explainCommand asks the database itself: it needs no running server.
type explainCommand struct {
	subscriberFlags
	PK    []string `name:"pk" placeholder:"COLUMN=VALUE" sep:"none" help:"The row; the value alone if the primary key is one column; repeat it for several."`
	Event string   `enum:"INSERT,UPDATE,DELETE,insert,update,delete" default:"INSERT" help:"What happens to the row: INSERT, UPDATE or DELETE."`
	JSON  bool     `name:"json" help:"Print JSON."`
}

func (c *explainCommand) Run(ctx context.Context, p *process) error {
	q, err := c.question(p.stderr)
	if err != nil {
		return err
	}
	q.Op = map[string]wal.Op{"INSERT": wal.Insert, "UPDATE": wal.Update, "DELETE": wal.Delete}[strings.ToUpper(c.Event)]
	for _, text := range c.PK {
		column, value, named := strings.Cut(text, "=")
		if !named {
			column, value = "", text
		}
		q.Row = append(q.Row, changes.ColumnValue{Column: column, Value: value})
	}
	ctx, stop := p.untilSignal(ctx)
	defer stop()
	o, err := c.options(ctx, p)
	if err != nil {
		return err
	}
	a, err := changes.Explain(ctx, o, q)
	if err != nil {
		f := &failure{err: err}
		if errors.Is(err, changes.ErrNoRow) {
			f.mend = "look with psql: a row that was deleted cannot be explained; realtime changes tail --why explains rows as they change"
		}
		return f
	}
	if c.JSON {
		e := json.NewEncoder(p.stdout)
		e.SetEscapeHTML(false)
		e.SetIndent("", "  ")
		return e.Encode(a)
	}
	return writeExplanation(p.stdout, a)
}

var outcomes = map[changes.Outcome]string{
	changes.Delivered: "delivered",
	changes.Empty:     "delivered as an error, without columns",
	changes.Dropped:   "not delivered",
}

// headline is the answer in one line.
func headline(a *changes.Explanation) string {
	line := fmt.Sprintf("%s of %s to role %s: %s", a.Event, a.Table, a.Role, outcomes[a.Outcome])
	if a.At != "" {
		line += " (" + string(a.At) + ")"
	}
	return line
}

// writeExplanation tells an explanation to a person.
func writeExplanation(out io.Writer, a *changes.Explanation) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "%s\n\n", headline(a))
	for _, s := range a.Steps {
		fmt.Fprintf(w, "  %s\t%s\t%s\n", s.Name, s.State, s.Detail)
		if s.Mend != "" {
			fmt.Fprintf(w, "  \tmend\t%s\n", s.Mend)
		}
	}
	if a.Tier != "" {
		fmt.Fprintf(w, "\n  tier\t%s\t%s\n", a.Tier, a.Plan)
	}
	if a.Why != "" {
		fmt.Fprintf(w, "  not T1 because\t\t%s\n", a.Why)
	}
	if a.Rewrite != "" {
		fmt.Fprintf(w, "  rewrite\t\t%s\n", a.Rewrite)
	}
	for _, h := range a.Hoisted {
		fmt.Fprintf(w, "  once per claims\t\t%s\n", h)
	}
	for i := range a.Policies {
		writePolicy(w, &a.Policies[i])
	}
	for _, warning := range a.Warnings {
		fmt.Fprintf(w, "  warning\t\t%s\n", warning)
	}
	if a.Data != nil {
		fmt.Fprintf(w, "\n  arrives\t\t%s\n", a.Data)
	}
	return w.Flush()
}

func writePolicy(w io.Writer, pol *changes.Policy) {
	kind := "permissive"
	if pol.Restrictive {
		kind = "restrictive"
	}
	says := pol.Says
	switch {
	case !pol.Applies:
		says = "no say"
	case says == "":
		says = "not asked"
	}
	fmt.Fprintf(w, "  policy %q\t%s\t%s (%s, for %s to %s)\n", pol.Name, says, pol.Expression, kind, pol.Command, strings.Join(pol.Roles, ", "))
}
