package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"realtime/bench"
	"realtime/protocol/codes"
)

// genCommand writes the documents that are made from tables in the code.
type genCommand struct {
	Dir string `arg:"" default:"docs" help:"Folder to write to."`
}

func (g *genCommand) Run(p *process) error {
	for name, content := range generatedDocuments() {
		path := filepath.Join(g.Dir, name)
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil { //nolint:gosec // G306: a public document
			return &failure{step: "write " + path, err: err}
		}
		fmt.Fprintln(p.stdout, path)
	}
	return nil
}

func generatedDocuments() map[string]string {
	return map[string]string{
		"configuration.md": configurationDocument(),
		"errors.md":        errorsDocument(),
		"claims.md":        bench.ClaimsDocument(),
	}
}

const configurationIntro = `# Configuration

Generated from the table in cmd/realtime/config.go by ` + "`make gen`" + `; do not edit.

Everything is set by flags (` + "`DB_HOST` is `--db-host`" + `), environment variables, or a file of ` + "`NAME=value`" + ` lines that
` + "`REALTIME_CONFIG_FILE`" + ` names, in that order of strength. None is required: with an empty environment ` + "`realtime serve`" + ` starts a
database of its own. An empty value counts as unset. All mistakes are reported at once, and the program ends with exit code 2:
` + "`realtime config check`" + ` looks without starting anything, ` + "`realtime config show --origin`" + ` says what is in force and where it comes from.

The names are those of the original server where it has one. Its variables that have no meaning here are listed at the end; a
set one is answered with one warning, as is a name that looks like a misspelt one. Besides these, the standard ` + "`OTEL_*`" + ` variables of
OpenTelemetry are read, from the environment only: [operations.md](operations.md) says what is traced.
`

func configurationDocument() string {
	var b strings.Builder
	b.WriteString(configurationIntro)
	for _, sec := range sections {
		fmt.Fprintf(&b, "\n## %s\n\n| variable | default | meaning | wants |\n|---|---|---|---|\n", sec.title)
		for _, s := range sec.settings {
			def := ""
			if s.def != "" {
				def = "`" + s.def + "`"
			}
			if s.secret && s.def != "" {
				def = "a public one; set your own"
			}
			meaning := s.meaning
			if s.secret {
				meaning += " (secret: never shown)"
			}
			fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", s.name, def, cell(meaning), cell(s.value.want))
		}
	}
	b.WriteString("\n## Accepted, without effect\n\n| variables | why |\n|---|---|\n")
	for _, f := range idleFamilies {
		fmt.Fprintf(&b, "| `%s` | %s |\n", strings.Join(f.names, "` `"), cell(f.why))
	}
	return b.String()
}

const errorsIntro = `# Errors

Generated from the table in protocol/codes by ` + "`make gen`" + `; do not edit.

A code appears in the reason of a refused join (` + "`Code: text`" + `), in log lines as ` + "`code`" + `, and in HTTP answers. The names are upstream's.
*Effect* is what happens to whoever caused it: nothing, this request is refused, the channel is closed, the socket is closed.
` + "`realtime errors CODE`" + ` prints one of them.
`

func errorsDocument() string {
	var b strings.Builder
	b.WriteString(errorsIntro)
	b.WriteString("\n| code | text | log level | HTTP | effect | meaning | what to do |\n|---|---|---|---|---|---|---|\n")
	for _, e := range codes.All() {
		status := ""
		if e.Status != 0 {
			status = fmt.Sprint(e.Status)
		}
		level := strings.ToLower(e.Level.String())
		if e.Quiet {
			level += ", not logged by default"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s | %s | %s |\n",
			e.Code, cell(e.Text), level, status, effectText(e.Effect), cell(e.Meaning), cell(e.Remedy))
	}
	b.WriteString("\n## Never given\n\nNames that old logs, alerts and documents of the original may carry.\n\n| code | what it meant | instead |\n|---|---|---|\n")
	for _, e := range codes.Gone() {
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", e.Name, cell(e.Meaning), cell(e.Instead))
	}
	return b.String()
}

func effectText(e codes.Effect) string {
	switch e {
	case codes.None:
		return "none"
	case codes.Refuse:
		return "refused"
	case codes.CloseChannel:
		return "channel closed"
	case codes.CloseSocket:
		return "socket closed"
	}
	return ""
}

// cell makes text safe inside a table of Markdown.
func cell(text string) string {
	return strings.NewReplacer("|", `\|`, "\n", " ", "<", "&lt;").Replace(text)
}
