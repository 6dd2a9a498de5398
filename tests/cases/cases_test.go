package cases

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	gotoken "go/token"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"realtime/postgres/pgtest"
)

// TestMain lets many rows run at a time: most of them wait for a clock.
func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("test.parallel", "16"); err != nil {
		panic(err)
	}
	os.Exit(pgtest.Run(m))
}

// verdict is how a row's expectation and this server's answer relate.
type verdict string

const (
	upstream verdict = "as upstream"
	ours     verdict = "different on purpose" // docs/compatibility.md says so
)

// row is one case. why says what is different.
type row struct {
	number  int
	name    string
	test    func(t *testing.T, h *house)
	verdict verdict
	why     string
}

// as makes a row that is answered as upstream answers it.
func as(number int, name string, test func(*testing.T, *house)) row {
	return row{number: number, name: name, test: test, verdict: upstream}
}

// differs makes a row that is answered differently on purpose.
func differs(number int, name, why string, test func(*testing.T, *house)) row {
	return row{number: number, name: name, test: test, verdict: ours, why: why}
}

var rows = slices.Concat(
	transportRows, frameRows, routingRows, joinRows, coercionRows, tokenRows, limitRows, databaseRows, broadcastRows, oddBroadcastRows,
	serverBroadcastRows, rateRows, replayRows, presenceRows, presenceKeyRows, changesRows, feedRows, refreshRows, leaveRows, disconnectRows,
	isolationRows, waitRows, newerRows, sentRows, storedRows, privateRows, policyRows, privateRefreshRows,
)

func TestCases(t *testing.T) {
	h := newHouse(t)
	for _, r := range rows {
		t.Run(fmt.Sprintf("row=%03d %s", r.number, r.name), func(t *testing.T) {
			t.Parallel()
			r.test(t, h)
		})
	}
}

const lastRow = 277

// TestEveryRowIsAnswered finds every row once: in the table, or, up to 50, in a test's name in package web.
func TestEveryRowIsAnswered(t *testing.T) {
	seen := map[int]string{}
	count := map[verdict]int{}
	for _, r := range rows {
		if old, twice := seen[r.number]; twice {
			t.Errorf("row %d is here twice: %s and %s", r.number, old, r.name)
		}
		seen[r.number] = r.name
		count[r.verdict]++
		if (r.why == "") != (r.verdict == upstream) {
			t.Errorf("row %d is %s and says %q about it", r.number, r.verdict, r.why)
		}
	}
	edge := rowsOf(t, "../../web")
	for n := 1; n <= lastRow; n++ {
		if _, here := seen[n]; !here && !edge[n] {
			t.Errorf("row %d is nowhere", n)
		}
	}
	t.Logf("%d rows in package web, %d here:", len(edge), len(rows))
	for _, v := range slices.Sorted(maps.Keys(count)) {
		t.Logf("%4d %s", count[v], v)
	}
	for _, r := range rows {
		if r.verdict != upstream {
			t.Logf("row %d, %s: %s", r.number, r.verdict, r.why)
		}
	}
}

var numbered = regexp.MustCompile(`(?i)rows? ?(\d+)(?: ?(?:to|and) ?(\d+))?`)

// rowsOf finds the rows that names of tests in a folder speak of: functions, and strings that begin with the word.
func rowsOf(t *testing.T, folder string) map[int]bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*_test.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no tests in %s: %v", folder, err)
	}
	found := map[int]bool{}
	note := func(name string) {
		for _, m := range numbered.FindAllStringSubmatch(name, -1) {
			for _, digits := range m[1:] {
				if n, err := strconv.Atoi(digits); err == nil {
					found[n] = true
				}
			}
		}
	}
	for _, file := range files {
		tree, err := parser.ParseFile(gotoken.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(tree, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncDecl:
				note(n.Name.Name)
			case *ast.BasicLit:
				if s, err := strconv.Unquote(n.Value); n.Kind == gotoken.STRING && err == nil && strings.HasPrefix(s, "row ") {
					note(s)
				}
			}
			return true
		})
	}
	return found
}
