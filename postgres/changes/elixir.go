package changes

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// Upstream shows parameters to clients by Elixir's `inspect`, which wraps at 80 columns. This is the part of its
// algebra of documents (after Wadler, "A prettier printer") that lists, tuples, maps and scalars need.

const inspectWidth = 80

// doc is a piece of text that can be laid out in one line or several.
type doc any

type (
	docText   string // as it is
	docConcat []doc
	// docBreak is text while its group is flat, a new line when it is not. A flexible one decides for itself.
	docBreak struct {
		text string
		flex bool
	}
	docNest struct {
		by    int
		inner doc
	}
	docGroup struct{ inner doc }
)

// layout modes of a piece that waits to be written.
type layoutMode uint8

const (
	flat layoutMode = iota
	broken
)

type pending struct {
	indent int
	mode   layoutMode
	doc    doc
}

// container lays out open, items and close. Items that are plain text flow, as many as fit on a line; others get a line
// each once they do not fit on one together.
func container(open string, items []doc, end string, flow bool) doc {
	if len(items) == 0 {
		return docText(open + end)
	}
	var joined docConcat
	for i, item := range items {
		if i > 0 {
			joined = append(joined, docText(","), docBreak{text: " ", flex: flow})
		}
		joined = append(joined, item)
	}
	if flow {
		return docGroup{docConcat{docText(open), docNest{1, joined}, docText(end)}}
	}
	return docGroup{docConcat{docNest{2, docConcat{docText(open), docBreak{}, joined}}, docBreak{}, docText(end)}}
}

// render writes d at the width of upstream's messages.
func render(d doc) string {
	var out strings.Builder
	column := 0
	stack := []pending{{0, broken, d}}
	for len(stack) > 0 {
		p := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		switch x := p.doc.(type) {
		case docText:
			out.WriteString(string(x))
			column += utf8.RuneCountInString(string(x))
		case docConcat:
			for _, part := range slices.Backward(x) {
				stack = append(stack, pending{p.indent, p.mode, part})
			}
		case docNest:
			stack = append(stack, pending{p.indent + x.by, p.mode, x.inner})
		case docGroup:
			mode := broken
			if p.mode == flat || fits(inspectWidth-column, stack, pending{p.indent, flat, x.inner}) {
				mode = flat
			}
			stack = append(stack, pending{p.indent, mode, x.inner})
		case docBreak:
			if p.mode == flat || x.flex && fits(inspectWidth-column-len(x.text), stack, pending{p.indent, flat, docText("")}) {
				out.WriteString(x.text)
				column += len(x.text)
				continue
			}
			out.WriteString("\n" + strings.Repeat(" ", p.indent))
			column = p.indent
		}
	}
	return out.String()
}

// fits reports whether next and what follows it up to the next possible new line take at most width columns.
func fits(width int, rest []pending, next pending) bool {
	stack := []pending{next}
	for {
		if width < 0 {
			return false
		}
		if len(stack) == 0 {
			if len(rest) == 0 {
				return true
			}
			stack = append(stack, rest[len(rest)-1])
			rest = rest[:len(rest)-1]
		}
		p := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		switch x := p.doc.(type) {
		case docText:
			width -= utf8.RuneCountInString(string(x))
		case docConcat:
			for _, part := range slices.Backward(x) {
				stack = append(stack, pending{p.indent, p.mode, part})
			}
		case docNest:
			stack = append(stack, pending{p.indent + x.by, p.mode, x.inner})
		case docGroup:
			stack = append(stack, pending{p.indent, flat, x.inner})
		case docBreak:
			if p.mode == broken {
				return true
			}
			width -= len(x.text)
		}
	}
}
