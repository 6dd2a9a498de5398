package wal

import (
	"bytes"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// string reads a string and returns it as written, quotes included.
func (n *normalizer) string() ([]byte, bool) {
	from := n.pos
	if n.peek() != '"' {
		return nil, false
	}
	for n.pos++; n.pos < len(n.src); n.pos++ {
		switch c := n.src[n.pos]; {
		case c == '"':
			n.pos++
			return n.src[from:n.pos], true
		case c == '\\':
			n.pos++
			size, ok := escapeSize(n.src[n.pos:])
			if !ok {
				return nil, false
			}
			n.pos += size - 1
		case c < ' ':
			return nil, false
		}
	}
	return nil, false
}

// bare reads true, false, null or a number.
func (n *normalizer) bare() ([]byte, bool) {
	from := n.pos
	for n.pos < len(n.src) && isBare(n.src[n.pos]) {
		n.pos++
	}
	raw := n.src[from:n.pos]
	switch string(raw) {
	case "true", "false", "null":
		return raw, true
	}
	_, ok := parseNumber(raw)
	return raw, ok
}

// isBare reports whether c can be part of a literal or a number.
func isBare(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c == '-' || c == '+' || c == '.' || c == 'E'
}

// escapeSize returns how many bytes the escape after a backslash has.
func escapeSize(s []byte) (int, bool) {
	if len(s) == 0 {
		return 0, false
	}
	switch s[0] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 1, true
	case 'u':
		_, ok := hex4(s[1:])
		return 5, ok
	}
	return 0, false
}

func hex4(s []byte) (rune, bool) {
	if len(s) < 4 {
		return 0, false
	}
	v, err := strconv.ParseUint(string(s[:4]), 16, 32)
	return rune(v), err == nil
}

// decodeString returns what a valid JSON string stands for. It allocates only where there are escapes.
func decodeString(raw []byte) []byte {
	raw = raw[1 : len(raw)-1]
	if bytes.IndexByte(raw, '\\') < 0 {
		return raw
	}
	out := make([]byte, 0, len(raw))
	for i := 0; i < len(raw); i++ {
		if raw[i] != '\\' {
			out = append(out, raw[i])
			continue
		}
		i++
		switch c := raw[i]; c {
		case 'b':
			out = append(out, '\b')
		case 'f':
			out = append(out, '\f')
		case 'n':
			out = append(out, '\n')
		case 'r':
			out = append(out, '\r')
		case 't':
			out = append(out, '\t')
		case 'u':
			r, _ := hex4(raw[i+1:])
			i += 4
			if utf16.IsSurrogate(r) && i+2 < len(raw) && raw[i+1] == '\\' && raw[i+2] == 'u' {
				low, _ := hex4(raw[i+3:])
				if pair := utf16.DecodeRune(r, low); pair != utf8.RuneError {
					r, i = pair, i+6
				}
			}
			if utf16.IsSurrogate(r) { // alone: not UTF-8, but each of them a key of its own
				out = append(out, 0xe0|byte(r>>12), 0x80|byte(r>>6)&0x3f, 0x80|byte(r)&0x3f)
				continue
			}
			out = utf8.AppendRune(out, r)
		default:
			out = append(out, c)
		}
	}
	return out
}
