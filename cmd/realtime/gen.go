package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

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
	}
}

const configurationIntro = `# Configuration

Generated from the table in cmd/realtime/config.go by ` + "`make gen`" + `; do not edit.

Everything is set by environment variables. None is required: with an empty environment ` + "`realtime serve`" + ` starts a
database of its own. An empty value counts as unset. All mistakes are reported at once, and the program ends with exit code 2.

The names are those of the original server where it has one; variables of the original that are not listed have no effect here.
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
	return b.String()
}

const errorsIntro = `# Errors

Generated from the table in protocol/codes by ` + "`make gen`" + `; do not edit.

A code appears in the reason of a refused join (` + "`Code: text`" + `), in log lines as ` + "`code`" + `, and in HTTP answers. The names are upstream's.
*Effect* is what happens to whoever caused it: nothing, this request is refused, the channel is closed, the socket is closed.
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
