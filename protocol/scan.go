package protocol

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf8"
)

// maxDepth bounds the nesting of a JSON value. Deeper ones are refused: nobody sends them, except to hurt a recursive
// reader further down the line.
const maxDepth = 128

// Valid tells whether b is one JSON value (RFC 8259) in valid UTF-8, nested at most 128 deep, white space around it
// allowed.
func Valid(b []byte) bool {
	if !utf8.Valid(b) {
		return false
	}
	i := skip(b, 0)
	return i >= 0 && space(b, i) == len(b)
}

// skip returns the index after the JSON value at b[i:], white space before it allowed, or -1 if there is none. It checks
// everything but UTF-8. It does not recurse, so that no frame can grow the stack of the goroutine that reads it.
func skip(b []byte, i int) int {
	var n nesting
	for {
		if i = space(b, i); i == len(b) {
			return -1
		}
		switch c := b[i]; c {
		case '"':
			i = skipString(b, i+1)
		case '{', '[':
			next := space(b, i+1)
			if next < len(b) && b[next] == c+2 { // '}' and ']' are two after their openers
				i = next + 1
				break
			}
			if !n.push(c == '{') {
				return -1
			}
			if i = next; c == '{' {
				i = skipKey(b, i)
			}
			if i < 0 {
				return -1
			}
			continue
		default:
			i = skipScalar(b, i)
		}
		if i < 0 {
			return -1
		}
		if i = n.after(b, i); i < 0 || n.depth == 0 {
			return i
		}
	}
}

// nesting is the containers around a value.
type nesting struct {
	objects [maxDepth / 64]uint64 // bit d: the container at depth d is an object, otherwise an array
	depth   int
}

// push enters a container; false if that is one too many.
func (n *nesting) push(object bool) bool {
	if n.depth == maxDepth {
		return false
	}
	word, bit := &n.objects[n.depth/64], uint64(1)<<(n.depth%64)
	n.depth++
	if object {
		*word |= bit
	} else {
		*word &^= bit
	}
	return true
}

// after returns the index where to go on behind a value: past the containers that end with it, at the next value if depth
// is still above 0; or -1.
func (n *nesting) after(b []byte, i int) int {
	for n.depth > 0 {
		if i = space(b, i); i == len(b) {
			return -1
		}
		last := n.depth - 1
		object := n.objects[last/64]>>(last%64)&1 == 1
		c := b[i]
		i++
		switch {
		case c == ',' && object:
			return skipKey(b, i)
		case c == ',':
			return i
		case c == '}' && object, c == ']' && !object:
			n.depth--
		default:
			return -1
		}
	}
	return i
}

// skipKey returns the index after the key and the colon at b[i:], or -1.
func skipKey(b []byte, i int) int {
	if i = space(b, i); i == len(b) || b[i] != '"' {
		return -1
	}
	return skipColon(b, skipString(b, i+1))
}

// skipColon returns the index after the colon at b[i:], or -1, also for an i below 0.
func skipColon(b []byte, i int) int {
	if i < 0 {
		return -1
	}
	if i = space(b, i); i == len(b) || b[i] != ':' {
		return -1
	}
	return i + 1
}

// space returns the index of the first byte at or after i that is not white space. It is small enough to be inlined: most
// frames have no white space at all.
func space(b []byte, i int) int {
	if i < len(b) && b[i] > ' ' {
		return i
	}
	return skipSpace(b, i)
}

func skipSpace(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\n' || b[i] == '\r' || b[i] == '\t') {
		i++
	}
	return i
}

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// special flags, with the high bit of each, the bytes of w that end a run of plain string bytes: control characters,
// quote and backslash. Bytes above the lowest flagged one may be flagged wrongly.
func special(w uint64) uint64 {
	quote, slash := w^ones*'"', w^ones*'\\'
	return ((w-ones*0x20)&^w | (quote-ones)&^quote | (slash-ones)&^slash) & highs
}

// skipString returns the index after the closing quote of a string whose opening quote is before b[i], or -1.
func skipString(b []byte, i int) int {
	for {
		for i+8 <= len(b) {
			stop := special(binary.LittleEndian.Uint64(b[i:]))
			if stop != 0 {
				i += bits.TrailingZeros64(stop) / 8
				break
			}
			i += 8
		}
		if i >= len(b) {
			return -1
		}
		switch c := b[i]; {
		case c == '"':
			return i + 1
		case c == '\\':
			if i = skipEscape(b, i+1); i < 0 {
				return -1
			}
		case c < ' ':
			return -1
		default: // the last few bytes of b, too few for a word
			i++
		}
	}
}

// skipEscape returns the index after the escape whose backslash is before b[i], or -1.
func skipEscape(b []byte, i int) int {
	if i >= len(b) {
		return -1
	}
	switch b[i] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return i + 1
	case 'u':
		if i+5 > len(b) {
			return -1
		}
		for _, c := range b[i+1 : i+5] {
			if unhex(c) < 0 {
				return -1
			}
		}
		return i + 5
	}
	return -1
}

// skipScalar returns the index after the number or literal at b[i:], or -1.
func skipScalar(b []byte, i int) int {
	literal := ""
	switch b[i] {
	case 't':
		literal = "true"
	case 'f':
		literal = "false"
	case 'n':
		literal = "null"
	default:
		return skipNumber(b, i)
	}
	if end := i + len(literal); end <= len(b) && string(b[i:end]) == literal {
		return end
	}
	return -1
}

// skipNumber returns the index after the number at b[i:], or -1.
func skipNumber(b []byte, i int) int {
	if i < len(b) && b[i] == '-' {
		i++
	}
	start := i
	if i = digits(b, i); i == start || b[start] == '0' && i > start+1 {
		return -1
	}
	if i < len(b) && b[i] == '.' {
		start = i + 1
		if i = digits(b, start); i == start {
			return -1
		}
	}
	if i < len(b) && b[i]|0x20 == 'e' {
		if i++; i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		start = i
		if i = digits(b, start); i == start {
			return -1
		}
	}
	return i
}

// digits returns the index of the first byte at or after i that is no digit.
func digits(b []byte, i int) int {
	for i < len(b) && b[i] >= '0' && b[i] <= '9' {
		i++
	}
	return i
}
