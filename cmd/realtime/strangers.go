package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/agext/levenshtein"
)

// strangers looks through everything that is set for what has no effect here:
// variables of the original that have no meaning in this server, names of older
// releases, and names that look like a misspelt one of ours. One line each, or
// one for a family of them.
func strangers(l layers) []string {
	known := map[string]bool{}
	for _, sec := range sections {
		for _, s := range sec.settings {
			known[s.name] = true
		}
	}
	idle := map[string][]string{} // by reason
	var lines []string
	for name := range setNames(l) {
		if known[name] {
			continue
		}
		if why := idleReason(name); why != "" {
			idle[why] = append(idle[why], name)
			continue
		}
		if line := misspelt(name, known); line != "" {
			lines = append(lines, line)
		}
	}
	for why, names := range idle {
		slices.Sort(names)
		lines = append(lines, fmt.Sprintf("%s: no effect here; %s", strings.Join(names, ", "), why))
	}
	slices.Sort(lines)
	return lines
}

// setNames are the names that have a value in any layer.
func setNames(l layers) map[string]bool {
	names := map[string]bool{}
	for _, one := range l {
		for name, value := range one.values {
			// A stock compose file sets DNS_NODES to two quote characters.
			if v := strings.TrimSpace(value); v != "" && v != "''" && v != `""` {
				names[name] = true
			}
		}
	}
	return names
}

// ours are the beginnings of names that nobody else uses.
var ours = []string{"REALTIME_", "TENANT_", "DB_", "JANITOR_", "METRICS_", "API_JWT_", "SELF_HOST_", "CLIENT_PRESENCE_"}

// misspelt says which setting a name was probably meant to be.
func misspelt(name string, known map[string]bool) string {
	if !slices.ContainsFunc(ours, func(p string) bool { return strings.HasPrefix(name, p) }) {
		return ""
	}
	best, far := "", 1<<30
	for _, k := range slices.Sorted(maps.Keys(known)) {
		if d := levenshtein.Distance(name, k, nil); d < far {
			best, far = k, d
		}
	}
	if far <= max(2, len(name)/5) {
		return fmt.Sprintf("%s is not a setting; did you mean %s?", name, best)
	}
	if strings.HasPrefix(name, "REALTIME_") || strings.HasPrefix(name, "TENANT_MAX_") || strings.HasPrefix(name, "DB_") {
		return name + " is not a setting; `realtime config show` lists those there are"
	}
	return ""
}
