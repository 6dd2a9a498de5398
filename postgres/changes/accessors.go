package changes

import "strings"

// accessor reports whether the function is one of those that come with the API and read nothing but the claims. It is
// known by its body, not by its name.
func (f *function) accessor() bool {
	if f.schema != "auth" || !f.plain || f.lang != "sql" || f.volatility != "s" || f.kind != "f" {
		return false
	}
	return knownBodies[f.name][withoutBlanks(f.source)]
}

// knownBodies are the bodies that auth's functions have had, without blanks.
var knownBodies = map[string]map[string]bool{
	"uid":   claimBodies("sub", "::uuid"),
	"role":  claimBodies("role", "::text"),
	"email": claimBodies("email", "::text"),
	"jwt": {
		withoutBlanks(`select coalesce(nullif(current_setting('request.jwt.claim', true), ''), nullif(current_setting('request.jwt.claims', true), ''))::jsonb`): true,
		withoutBlanks(`select nullif(current_setting('request.jwt.claims', true), '')::jsonb`):                                                                   true,
	},
}

// claimBodies are the forms of a function that returns one claim: from a setting of its own, as PostgREST once made it,
// from the setting with all claims, or from whichever is there.
func claimBodies(claim, cast string) map[string]bool {
	old := "nullif(current_setting('request.jwt.claim." + claim + "', true), '')"
	all := "nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> '" + claim + "'"
	bodies := map[string]bool{}
	for _, form := range []string{
		"select " + old + cast,
		"select (" + all + ")" + cast,
		"select coalesce(" + old + ", " + all + ")" + cast,
		"select coalesce(" + old + ", (" + all + "))" + cast,
	} {
		bodies[withoutBlanks(form)] = true
		if cast == "::text" {
			bodies[withoutBlanks(strings.TrimSuffix(form, cast))] = true
		}
	}
	return bodies
}

// withoutBlanks also drops the semicolon at the end. No literal in the bodies has a blank in it.
func withoutBlanks(sql string) string {
	return strings.TrimSuffix(strings.Join(strings.Fields(sql), ""), ";")
}
