package wal

// appendComposite appends a row value, `(1,"a ""b""",,"(2,x)")`, as an object by attribute name. An empty field is NULL,
// an empty string is "".
func (t *Types) appendComposite(dst []byte, f *facts, text []byte, depth int) ([]byte, bool) {
	if len(text) < 2 || text[0] != '(' {
		return dst, false
	}
	dst = append(dst, '{')
	pos := 1
	for i := range f.attrs {
		if i > 0 {
			if pos == len(text) || text[pos] != ',' {
				return dst, false
			}
			pos++
			dst = append(dst, ',')
		}
		dst = append(dst, f.attrs[i].key...)
		var ok bool
		if dst, pos, ok = t.appendField(dst, f.attrs[i].kind, text, pos, depth); !ok {
			return dst, false
		}
	}
	if pos != len(text)-1 || text[pos] != ')' {
		return dst, false
	}
	return append(dst, '}'), true
}

// appendField reads one field from text[pos:] and returns where it ends: at a comma or the closing parenthesis. As
// record_in does, it lets quotes begin and end anywhere; inside, a doubled quote is one, and a backslash takes the next
// byte as it is.
func (t *Types) appendField(dst []byte, f *facts, text []byte, pos, depth int) ([]byte, int, bool) {
	from := len(t.text)
	defer func() { t.text = t.text[:from] }()
	begin, quoted := pos, false
	for ; pos < len(text); pos++ {
		c := text[pos]
		switch {
		case c == '"' && quoted && pos+1 < len(text) && text[pos+1] == '"':
			pos++
		case c == '"':
			quoted = !quoted
			continue
		case c == '\\':
			if pos++; pos == len(text) {
				return dst, pos, false
			}
			c = text[pos]
		case !quoted && (c == ',' || c == ')'):
			if pos == begin {
				return append(dst, "null"...), pos, true
			}
			dst, ok := t.appendValue(dst, f, t.text[from:], true, depth+1)
			return dst, pos, ok
		}
		t.text = append(t.text, c)
	}
	return dst, pos, false
}
