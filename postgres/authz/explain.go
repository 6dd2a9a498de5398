package authz

import (
	"fmt"
	"strings"
	"time"
)

// Explain says in one line why decisions came out as they did, for logs and for operators: for each that is not allowed, whether
// any policy for it applies to the role, how long it took, and the SQL that would allow it. It quotes the role and the
// topic, nothing else of the token.
func (g *Grants) Explain(r *Request, of ...Decision) string {
	var parts []string
	for _, d := range of {
		if v := g.verdicts[d]; !v.Allowed {
			parts = append(parts, v.explain(r, d))
		}
	}
	return strings.Join(parts, "; ")
}

func (v *Verdict) explain(r *Request, d Decision) string {
	kind := "INSERT"
	if d.Reads() {
		kind = "SELECT"
	}
	var why string
	switch {
	case v.Err != nil:
		return fmt.Sprintf("%s could not be decided (%s): %v", d, v.Took.Round(time.Microsecond), v.Err)
	case v.Policy:
		why = fmt.Sprintf("there are %s policies on realtime.messages for role %q, and they say no", kind, r.Role)
	default:
		why = fmt.Sprintf("no %s policy on realtime.messages applies to role %q", kind, r.Role)
	}
	return fmt.Sprintf("%s denied: %s (%s); this would allow it: %s", d, why, v.Took.Round(time.Microsecond), strings.TrimSuffix(Policy(d, r.Role, r.Topic), ";"))
}

// Policy is the SQL of a policy that allows a role one thing on one topic.
func Policy(d Decision, role, topic string) string {
	command, clause := "insert", "with check"
	if d.Reads() {
		command, clause = "select", "using"
	}
	return fmt.Sprintf("create policy %s on realtime.messages for %s to %s %s (realtime.topic() = %s and extension = '%s');",
		identifier(d.String()+" of "+topic), command, identifier(role), clause, literal(topic), d.Extension())
}

// identifier quotes a name. Postgres keeps 63 bytes of it.
func identifier(s string) string {
	if len(s) > 63 {
		s = strings.ToValidUTF8(s[:63], "")
	}
	return `"` + strings.ReplaceAll(strings.ReplaceAll(s, "\x00", ""), `"`, `""`) + `"`
}

// literal quotes a text so that it means the same whatever standard_conforming_strings says.
func literal(s string) string {
	q := strings.ReplaceAll(strings.ReplaceAll(s, "\x00", ""), `'`, `''`)
	if strings.Contains(q, `\`) {
		return `E'` + strings.ReplaceAll(q, `\`, `\\`) + `'`
	}
	return `'` + q + `'`
}
