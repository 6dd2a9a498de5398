package readme

import (
	"fmt"
	"strings"
	"time"
)

// runner types the blocks of one document.
type runner struct {
	dir     string   // where the terminals start
	env     []string // of the terminals
	scratch string   // for the texts of blocks
	log     func(format string, args ...any)

	blockTime time.Duration // a typed block may take this long
	readyTime time.Duration // the text after a background block may take this long to appear
	laterTime time.Duration // the text asked of an earlier background block likewise
}

// run types all blocks and returns the expected lines that were found. It stops
// at the first surprise.
func (r *runner) run(doc string) (found []string, err error) {
	blocks, err := parse(doc)
	if err != nil {
		return nil, err
	}
	shell, err := opened(r.dir, r.env)
	if err != nil {
		return nil, err
	}
	defer shell.close()
	var others []*terminal
	defer func() {
		for _, term := range others {
			if err != nil {
				r.log("a background block printed:\n%s", term.screen.since(0))
			}
			term.close()
		}
	}()

	printed := "" // by the latest typed block
	for i, b := range blocks {
		switch b.kind {
		case typed:
			r.log("line %d: %s", b.line, b.text)
			printed, err = shell.run(b.text, r.scratch, r.blockTime)
			r.log("%s", printed)
		case background:
			r.log("line %d, left running: %s", b.line, b.text)
			var term *terminal
			if term, err = r.leave(b); err == nil {
				others = append(others, term)
			}
			if err == nil && (i+1 == len(blocks) || blocks[i+1].kind != expected) {
				term.wait(time.Second, func() bool { return false }) // nothing tells when it has begun
			}
		case expected:
			var lines []string
			lines, err = r.expect(b, blocks[:i], printed, others)
			found = append(found, lines...)
		}
		if err != nil {
			return found, fmt.Errorf("line %d: %w", b.line, err)
		}
	}
	return found, nil
}

// leave starts a background block.
func (r *runner) leave(b block) (*terminal, error) {
	term, err := opened(r.dir, r.env)
	if err != nil {
		return nil, err
	}
	if err := term.start(b.text, r.scratch); err != nil {
		term.close()
		return nil, err
	}
	return term, nil
}

// expect looks for b's lines where they belong; before are the blocks before b.
func (r *runner) expect(b block, before []block, printed string, others []*terminal) ([]string, error) {
	afterBackground := b.of == 0 && before[len(before)-1].kind == background
	if b.of == 0 && !afterBackground {
		found, missing := find(printed, b.text)
		return found, notFound(missing, printed)
	}
	of, patience := b.of, r.laterTime
	if afterBackground {
		of, patience = len(others), r.readyTime
	}
	if of > len(others) {
		return nil, fmt.Errorf("only %d background blocks so far", len(others))
	}
	term := others[of-1]
	var found []string
	var missing string
	term.wait(patience, func() bool {
		found, missing = find(string(term.screen.since(0)), b.text)
		return missing == ""
	})
	return found, notFound(missing, string(term.screen.since(0)))
}

func notFound(missing, output string) error {
	if missing == "" {
		return nil
	}
	return fmt.Errorf("%q was not printed, but:\n%s", missing, strings.TrimSpace(output))
}
