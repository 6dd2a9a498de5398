package readme

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const fence = "```"

// sample is a document with every kind of block.
const sample = `Start:

` + fence + `sh background
echo listening; while ! test -s "$HOME/said"; do sleep 0.01; done; echo "heard $(cat "$HOME/said")"; sleep 60
` + fence + `

` + fence + `text
listening
` + fence + `

` + fence + `sh
word=hello
cd /
` + fence + `

` + fence + `js
throw new Error('never run')
` + fence + `

` + fence + `sh
echo "$word from $PWD at $(date)"; cat; echo "$word" > "$HOME/said"
` + fence + `

` + fence + `text
hello … at …
` + fence + `

` + fence + `text of 1
heard hello
` + fence + `
`

func testRunner(t *testing.T) *runner {
	t.Helper()
	home := t.TempDir()
	return &runner{
		dir: home, env: environment(t, home), scratch: t.TempDir(), log: t.Logf,
		blockTime: 3 * time.Second, readyTime: 10 * time.Second, laterTime: 2 * time.Second,
	}
}

func TestSampleRuns(t *testing.T) {
	found, err := testRunner(t).run(sample)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"listening", "hello … at …", "heard hello"}
	if diff := cmp.Diff(want, found); diff != "" {
		t.Errorf("lines found (-want +got):\n%s", diff)
	}
}

func TestSurprisesAreErrors(t *testing.T) {
	for _, c := range []struct{ name, old, new, want string }{
		{"output differs", "hello … at …", "goodbye … at …", `line 24: "goodbye … at …" was not printed`},
		{"background output differs", "heard hello", "heard goodbye", `line 28: "heard goodbye" was not printed`},
		{"a command fails", "cd /", "cd /; false; true", "line 11: a command failed: exit status 1"},
		{"a block does not end", "cd /", "sleep 20", "line 11: not done after 3s"},
		{"no such background block", "text of 1", "text of 2", "line 28: only 1 background blocks so far"},
		{"unknown tag", "sh background", "sh backgrounded", `line 3: unknown tag "sh backgrounded"`},
		{"open block", "heard hello\n" + fence, "heard hello\n", "line 28: the block is not closed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			doc := strings.Replace(sample, c.old, c.new, 1)
			if doc == sample {
				t.Fatalf("the sample does not hold %q", c.old)
			}
			if _, err := testRunner(t).run(doc); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want an error with %q", err, c.want)
			}
		})
	}
}
