package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"realtime/postgres/authz"
)

type policyCommands struct {
	Check policyCheckCommand `cmd:"" help:"Ask the policies on realtime.messages as the server does when a user joins a private channel."`
}

// policyCheckCommand asks the database itself, in a transaction that is rolled back: it needs no running server.
type policyCheckCommand struct {
	Topic     string            `required:"" placeholder:"NAME" help:"The channel's topic, with or without realtime: in front."`
	Extension string            `enum:"all,broadcast,presence,persistence" default:"all" help:"What to ask about: broadcast, presence, persistence or all."`
	Header    map[string]string `placeholder:"NAME=VALUE" help:"A header of the request, as policies see it; repeat it for several."`
	userFlags
	databaseFlags
	JSON bool `name:"json" help:"Print JSON."`
}

func (c *policyCheckCommand) Run(ctx context.Context, p *process) error {
	r, err := c.request(p.stderr)
	if err != nil {
		return err
	}
	ctx, stop := p.untilSignal(ctx)
	defer stop()
	db, err := c.database(ctx, p)
	if err != nil {
		return err
	}
	g, err := authz.Ask(ctx, db.Settings.WithApplication("realtime_policy_check"), r)
	if err != nil {
		return &failure{step: "ask the policies", err: err, mend: "realtime migrate installs the schema realtime if it is missing"}
	}
	asked := slices.DeleteFunc(authz.All(), func(d authz.Decision) bool { return c.Extension != "all" && c.Extension != d.Extension() })
	if c.JSON {
		return writeVerdictsJSON(p.stdout, r, g, asked)
	}
	return writeVerdicts(p.stdout, r, g, asked)
}

func (c *policyCheckCommand) request(w io.Writer) (*authz.Request, error) {
	r := &authz.Request{Topic: strings.TrimPrefix(c.Topic, "realtime:"), Headers: map[string]string{}}
	if r.Topic == "" {
		return nil, usage(errors.New("--topic: want the name of a channel"))
	}
	for name, value := range c.Header {
		r.Headers[strings.ToLower(name)] = value
	}
	var err error
	r.Role, r.Subject, r.Claims, err = c.claims(w)
	return r, err
}

// writeVerdicts prints a line for each decision, then what would change it.
func writeVerdicts(w io.Writer, r *authz.Request, g *authz.Grants, asked []authz.Decision) error {
	fmt.Fprintf(w, "role %s on topic %s\n\n", r.Role, r.Topic)
	t := tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
	for _, d := range asked {
		v := g.Verdict(d)
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", d, outcomeOf(v), v.Took.Round(10*time.Microsecond), whyOf(v))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, d := range asked {
		if v := g.Verdict(d); !v.Allowed && v.Err == nil {
			fmt.Fprintf(w, "\nto allow %s:\n  %s\n", d, authz.Policy(d, r.Role, r.Topic))
		}
	}
	return nil
}

func outcomeOf(v authz.Verdict) string {
	switch {
	case v.Allowed:
		return "allowed"
	case v.Err != nil:
		return "error"
	}
	return "denied"
}

func whyOf(v authz.Verdict) string {
	switch {
	case v.Err != nil:
		return v.Err.Error()
	case v.Allowed:
		return ""
	case v.Policy:
		return "policies apply to the role, and say no"
	}
	return "no policy applies to the role"
}

// verdictJSON is one decision as --json prints it.
type verdictJSON struct {
	Decision string  `json:"decision"`
	Allowed  bool    `json:"allowed"`
	Policy   bool    `json:"policy"` // any applies to the role
	Code     string  `json:"code,omitempty"`
	Error    string  `json:"error,omitempty"`
	TookMS   float64 `json:"took_ms"`
	Allow    string  `json:"sql_to_allow,omitempty"`
}

func writeVerdictsJSON(w io.Writer, r *authz.Request, g *authz.Grants, asked []authz.Decision) error {
	out := make([]verdictJSON, len(asked))
	for i, d := range asked {
		v := g.Verdict(d)
		out[i] = verdictJSON{Decision: d.String(), Allowed: v.Allowed, Policy: v.Policy, TookMS: v.Took.Seconds() * 1000}
		switch {
		case v.Err != nil:
			out[i].Code, out[i].Error = string(v.Err.Code), v.Err.Error()
		case !v.Allowed:
			out[i].Allow = authz.Policy(d, r.Role, r.Topic)
		}
	}
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(out)
}
