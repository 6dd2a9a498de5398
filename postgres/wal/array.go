package wal

import "bytes"

// maxDimensions is Postgres' MAXDIM.
const maxDimensions = 6

// appendArray appends an array: "{1,NULL,3}", "[0:1]={5,6}", `{{"a","b c"},{d,e}}`. Lower bounds are lost, as in
// to_jsonb.
func (t *Types) appendArray(dst []byte, f *facts, text []byte, depth int) ([]byte, bool) {
	if len(text) > 0 && text[0] == '[' {
		bounds, rest, ok := bytes.Cut(text, []byte("="))
		if !ok || len(bytes.Trim(bounds, "[]:-+0123456789")) != 0 {
			return dst, false
		}
		text = rest
	}
	a := arrayParser{types: t, elem: f.elem, text: text, depth: depth}
	dst, ok := a.dimension(dst, 0)
	return dst, ok && a.pos == len(a.text)
}

// arrayParser walks through one array's text once.
type arrayParser struct {
	types *Types
	elem  *facts
	text  []byte
	pos   int
	depth int
}

// peek returns the next byte, 0 at the end. Postgres text holds no zero bytes.
func (a *arrayParser) peek() byte {
	if a.pos < len(a.text) {
		return a.text[a.pos]
	}
	return 0
}

// dimension reads from an opening brace to its closing one.
func (a *arrayParser) dimension(dst []byte, level int) ([]byte, bool) {
	if level >= maxDimensions || a.peek() != '{' {
		return dst, false
	}
	a.pos++
	dst = append(dst, '[')
	if a.peek() == '}' {
		a.pos++
		return append(dst, ']'), true
	}
	for {
		var ok bool
		switch a.peek() {
		case '{':
			dst, ok = a.dimension(dst, level+1)
		case '"':
			dst, ok = a.quoted(dst)
		default:
			dst, ok = a.bare(dst)
		}
		if !ok {
			return dst, false
		}
		switch a.peek() {
		case a.elem.delim:
			a.pos++
			dst = append(dst, ',')
		case '}':
			a.pos++
			return append(dst, ']'), true
		default:
			return dst, false
		}
	}
}

// quoted reads an element in double quotes, in which a backslash takes the next byte as it is.
func (a *arrayParser) quoted(dst []byte) ([]byte, bool) {
	t := a.types
	from := len(t.text)
	defer func() { t.text = t.text[:from] }()
	for i := a.pos + 1; i < len(a.text); i++ {
		switch c := a.text[i]; c {
		case '"':
			a.pos = i + 1
			return t.appendValue(dst, a.elem, t.text[from:], true, a.depth+1)
		case '\\':
			if i++; i == len(a.text) {
				return dst, false
			}
			t.text = append(t.text, a.text[i])
		default:
			t.text = append(t.text, c)
		}
	}
	return dst, false
}

// bare reads an element without quotes, up to the delimiter or the closing brace.
func (a *arrayParser) bare(dst []byte) ([]byte, bool) {
	from := a.pos
	for a.pos < len(a.text) && a.text[a.pos] != a.elem.delim && a.text[a.pos] != '}' {
		a.pos++
	}
	text := a.text[from:a.pos]
	if len(text) == 0 {
		return dst, false
	}
	if string(text) == "NULL" {
		return append(dst, "null"...), true
	}
	return a.types.appendValue(dst, a.elem, text, true, a.depth+1)
}
