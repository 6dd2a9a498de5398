package changes

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the table of scenarios into "+vectorTableFile)

const (
	vectorTableFile  = "../../docs/compatibility.md"
	vectorTableBegin = "<!-- from here on written by: go test ./postgres/changes -run TestVectorTable -update -->\n\n"
	vectorTableEnd   = "\n<!-- to here -->\n"
)

// TestVectorTableIsThatOfTheVectors: the documentation counts the scenarios that TestVectors replays, and names each one
// that is answered differently on purpose.
func TestVectorTableIsThatOfTheVectors(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile(vectorTableFile)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, begins := bytes.Cut(doc, []byte(vectorTableBegin))
	written, after, ends := bytes.Cut(rest, []byte(vectorTableEnd))
	got := vectorTable(readVectors(t))
	switch {
	case !begins || !ends:
		t.Fatalf("%s has no place for the table", vectorTableFile)
	case got == string(written):
	case *update:
		if err := os.WriteFile(vectorTableFile, []byte(string(before)+vectorTableBegin+got+vectorTableEnd+string(after)), 0o600); err != nil {
			t.Fatal(err)
		}
	default:
		t.Errorf("the table in %s is not that of the scenarios; run this with -update. Got\n%s\nwant\n%s", vectorTableFile, got, written)
	}
}

// vectorTable is two tables: how many scenarios of each group there are, and which differ.
func vectorTable(all []vector) string {
	type count struct{ all, differ int }
	groups, reasons := map[string]*count{}, map[string][]string{}
	var order []string
	differ := 0
	for i := range all {
		v := &all[i]
		if groups[v.Group] == nil {
			groups[v.Group] = &count{}
			order = append(order, v.Group)
		}
		groups[v.Group].all++
		if v.Differs == "" {
			continue
		}
		differ++
		groups[v.Group].differ++
		reasons[v.Differs] = append(reasons[v.Differs], "`"+v.ID+"`")
	}
	slices.Sort(order)
	var b strings.Builder
	b.WriteString("| scenarios about | number | as upstream | differently on purpose |\n|---|---|---|---|\n")
	for _, g := range order {
		fmt.Fprintf(&b, "| %s | %d | %d | %d |\n", strings.ReplaceAll(g, "-", " "), groups[g].all, groups[g].all-groups[g].differ, groups[g].differ)
	}
	fmt.Fprintf(&b, "| all | %d | %d | %d |\n", len(all), len(all)-differ, differ)
	b.WriteString("\n| what is different here | scenarios |\n|---|---|\n")
	for _, reason := range sortedNames(reasons) {
		fmt.Fprintf(&b, "| %s | %s |\n", reason, strings.Join(reasons[reason], ", "))
	}
	return b.String()
}

func sortedNames(m map[string][]string) []string {
	var names []string
	for n := range m {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}
