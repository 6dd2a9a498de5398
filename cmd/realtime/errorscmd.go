package main

import (
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/agext/levenshtein"

	"realtime/protocol/codes"
)

// errorsCommand explains the codes of refusals and log lines.
type errorsCommand struct {
	Code string `arg:"" optional:"" help:"One code, such as TenantNotFound; without it all are listed."`
}

func (k *errorsCommand) Run(p *process) error {
	if k.Code == "" {
		w := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
		for _, e := range codes.All() {
			fmt.Fprintf(w, "%s\t%s\n", e.Code, e.Meaning)
		}
		return w.Flush()
	}
	best, far := codes.All()[0], 1<<30
	for _, e := range codes.All() {
		if strings.EqualFold(string(e.Code), k.Code) {
			return explainCode(p, e)
		}
		if d := levenshtein.Distance(strings.ToLower(string(e.Code)), strings.ToLower(k.Code), nil); d < far {
			best, far = e, d
		}
	}
	for _, e := range codes.Gone() {
		if strings.EqualFold(e.Name, k.Code) {
			return explainGone(p, e)
		}
	}
	f := &failure{err: fmt.Errorf("no code is called %q", k.Code), mend: "realtime errors lists all of them", code: exitUsage}
	if far <= max(2, len(k.Code)/3) {
		f.mend = fmt.Sprintf("did you mean %s? realtime errors lists all of them", best.Code)
	}
	return f
}

func explainCode(p *process, e codes.Entry) error {
	w := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
	line := func(name, text string) {
		if text != "" {
			fmt.Fprintf(w, "%s\t%s\n", name, text)
		}
	}
	line(string(e.Code), e.Meaning)
	line("Do", e.Remedy)
	line("Client reads", e.Text)
	line("Effect", effectText(e.Effect))
	if e.Status != 0 {
		line("HTTP", fmt.Sprint(e.Status))
	}
	line("Log level", strings.ToLower(e.Level.String()))
	if e.Quiet {
		line("", "logged only for sockets that ask for it with log_level")
	}
	return w.Flush()
}

func explainGone(p *process, e codes.GoneEntry) error {
	_, err := fmt.Fprintf(p.stdout, "%s is never given by this server.\nIt meant: %s\nInstead:  %s\n", e.Name, e.Meaning, e.Instead)
	return err
}
