package changes

import (
	_ "embed"
	"strings"

	"realtime/protocol/codes"
)

// conditions.txt names the SQLSTATEs, as Appendix A of the Postgres documentation does.
//
//go:embed conditions.txt
var conditionsText string

var conditionNames = func() map[string]string {
	names := map[string]string{}
	for line := range strings.Lines(conditionsText) {
		state, name, _ := strings.Cut(strings.TrimSpace(line), " ")
		names[state] = name
	}
	return names
}()

// raised is an error that upstream's insert trigger raises itself.
func raised(message string) *evalError { return &evalError{state: "P0001", message: message} }

// exception renders an error as upstream's driver does: state, condition name, message, what it is about, the detail.
func (e *evalError) exception() string {
	var b strings.Builder
	b.WriteString("ERROR " + e.state)
	if name := conditionNames[e.state]; name != "" {
		b.WriteString(" (" + name + ")")
	}
	b.WriteString(" " + e.message)
	separator := "\n\n"
	for _, line := range [][2]string{{"table", e.table}, {"column", e.column}, {"hint", e.hint}} {
		if line[1] != "" {
			b.WriteString(separator + "    " + line[0] + ": " + line[1])
			separator = "\n"
		}
	}
	if e.detail != "" {
		b.WriteString("\n\n" + e.detail)
	}
	return b.String()
}

const unable = "Unable to subscribe to changes with given parameters. "

// unmatched is the fault of a spec that means no published table.
func unmatched(s *Spec) *codes.Fault {
	return refuse(unable + "Please check Realtime is enabled for the given connect parameters: " + s.params())
}

// refused is the fault of a spec that a check refused.
func refused(s *Spec, err *evalError) *codes.Fault {
	return codes.Wrap(codes.RealtimeDisabledForConfiguration, err, "%s",
		unable+"An exception happened so please check your connect parameters: "+s.params()+". Exception: "+err.exception())
}
