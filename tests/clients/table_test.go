package clients

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the table of clients and features into "+tableFile)

const (
	tableFile  = root + "/docs/compatibility.md"
	tableBegin = "<!-- from here on written by: go test ./tests/clients -run TestClients -update -->\n\n"
	tableEnd   = "\n<!-- to here -->\n"
)

// columns of the table, each a feature. A test belongs to the first whose word is
// in its name or its file's.
var columns = []struct{ word, title string }{
	{" wait", "wait for changes"},
	{"binary payload", "binary payloads"},
	{"httpSend", "httpSend to its own address"},
	{"connect.test.js", "connect, heartbeat"},
	{"broadcast.test.js", "broadcast"},
	{"mixed.test.js", "heard by all versions"},
	{"rest.test.js", "send over HTTP"},
	{"database.test.js", "broadcast from the database"},
	{"private.test.js", "private channels"},
	{"replay.test.js", "replay"},
	{"persist.test.js", "stored broadcasts"},
	{"presence.test.js", "presence"},
	{"changes.test.js", "Postgres Changes"},
	{"ready.test.js", "no row lost at SUBSCRIBED"},
	{"cut.test.js", "database connection cut"},
	{"leave.test.js", "leave, come back"},
	{"token.test.js", "token refresh, expiry"},
	{"refuse.test.js", "refusals"},
}

// table counts, by client and column, the tests that passed and those that ran.
type table map[string]map[string]*struct{ passed, ran int }

// note enters a test's result, if it is about one client.
func (m table) note(t *testing.T, r result) {
	t.Helper()
	client, what, ok := strings.Cut(r.Name, ": ")
	if !ok {
		return
	}
	for _, c := range columns {
		if !strings.Contains(" "+what+" "+r.File, c.word) {
			continue
		}
		if m[client] == nil {
			m[client] = map[string]*struct{ passed, ran int }{}
		}
		cell := m[client][c.title]
		if cell == nil {
			cell = &struct{ passed, ran int }{}
			m[client][c.title] = cell
		}
		cell.ran++
		if r.OK {
			cell.passed++
		}
		return
	}
	t.Errorf("%s of %s belongs to no column of the table", r.Name, r.File)
}

// markdown is a line for each client: a check for each feature whose tests all passed,
// a dash where it has none, because the client lacks the feature.
func (m table) markdown() string {
	var b strings.Builder
	b.WriteString("| client |")
	for _, c := range columns {
		b.WriteString(" " + c.title + " |")
	}
	b.WriteString(" tests |\n|---|" + strings.Repeat("---|", len(columns)+1) + "\n")
	for _, name := range names {
		b.WriteString("| " + name + " |")
		ran := 0
		for _, c := range columns {
			mark := "–"
			if cell := m[name][c.title]; cell != nil {
				ran += cell.ran
				if mark = "✓"; cell.passed < cell.ran {
					mark = "✗"
				}
			}
			b.WriteString(" " + mark + " |")
		}
		fmt.Fprintf(&b, " %d |\n", ran)
	}
	return b.String()
}

// check compares the table with the one in the documentation, or writes it there.
func (m table) check(t *testing.T) {
	t.Helper()
	doc, err := os.ReadFile(tableFile)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, begins := bytes.Cut(doc, []byte(tableBegin))
	written, after, ends := bytes.Cut(rest, []byte(tableEnd))
	got := m.markdown()
	switch {
	case !begins || !ends:
		t.Fatalf("%s has no place for the table", tableFile)
	case got == string(written):
	case *update:
		whole := string(before) + tableBegin + got + tableEnd + string(after)
		if err := os.WriteFile(tableFile, []byte(whole), 0o644); err != nil {
			t.Fatal(err)
		}
	default:
		t.Errorf("the table in %s is not what the tests say; run them with -update. Got\n%s\nwant\n%s", tableFile, got, written)
	}
}
