package readme

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// kind says what is done with a block.
type kind int

const (
	typed      kind = iota // run in the shared shell
	background             // started in a shell of its own and left running
	expected               // lines that an earlier block prints
)

// block is one fenced block that matters.
type block struct {
	kind kind
	line int // of its opening fence in the document
	text string
	of   int // expected: 0 for the block before it, n for the nth background block
}

// parse returns the blocks of a Markdown document in order. A "text" block that
// does not follow a shell block is prose.
func parse(doc string) ([]block, error) {
	var blocks []block
	var open *block
	previous := "" // tag of the fenced block before
	tag := ""
	for n, line := range strings.Split(doc, "\n") {
		info, fence := strings.CutPrefix(line, "```")
		switch {
		case fence && open == nil:
			tag = strings.TrimSpace(info)
			open = &block{line: n + 1}
		case fence:
			keep, err := classify(open, tag, previous)
			if err != nil {
				return nil, err
			}
			if keep {
				blocks = append(blocks, *open)
			}
			previous, open = tag, nil
		case open != nil:
			open.text += line + "\n"
		}
	}
	if open != nil {
		return nil, fmt.Errorf("line %d: the block is not closed", open.line)
	}
	return blocks, nil
}

// classify sets b's kind by its tag and tells whether the block matters.
func classify(b *block, tag, previous string) (bool, error) {
	switch {
	case tag == "sh":
		b.kind = typed
	case tag == "sh background":
		b.kind = background
	case tag == "text":
		b.kind = expected
		return previous == "sh" || previous == "sh background", nil
	case strings.HasPrefix(tag, "text of "):
		n, err := strconv.Atoi(strings.TrimPrefix(tag, "text of "))
		if err != nil || n < 1 {
			return false, fmt.Errorf("line %d: %q names no background block", b.line, tag)
		}
		b.kind, b.of = expected, n
	case strings.HasPrefix(tag, "sh ") || strings.HasPrefix(tag, "text "):
		return false, fmt.Errorf("line %d: unknown tag %q", b.line, tag)
	default:
		return false, nil
	}
	return true, nil
}

// find returns the lines of want that occur in output, in order, up to the
// first one that does not; missing is that one, or empty.
func find(output, want string) (found []string, missing string) {
	for line := range strings.Lines(want) {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		var pattern strings.Builder
		for i, part := range strings.Split(strings.ReplaceAll(line, "...", "…"), "…") {
			if i > 0 {
				pattern.WriteString(".*")
			}
			pattern.WriteString(regexp.QuoteMeta(part))
		}
		at := regexp.MustCompile(pattern.String()).FindStringIndex(output)
		if at == nil {
			return found, line
		}
		found = append(found, line)
		output = output[at[1]:]
	}
	return found, ""
}
