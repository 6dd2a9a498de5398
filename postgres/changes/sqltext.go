package changes

import (
	"errors"
	"strings"
)

// Postgres writes an expression that it has parsed in one way only: keywords in capitals, names in small letters or
// quotes, every operation in parentheses. So a small reader is enough to find its parts.

// piece is a token, or a bracket with what is in it.
type piece struct {
	kind pieceKind
	text string  // of a token; the opening bracket of a bracket
	in   []piece // of a bracket
	glue bool    // no blank stood before it
}

type pieceKind uint8

const (
	pieceWord     pieceKind = iota // keyword, name, number
	pieceQuoted                    // "name"
	pieceLiteral                   // 'text', with its prefix
	pieceOperator                  // a run of operator characters, or :: . , ;
	pieceBracket                   // ( ) or [ ]
)

var errSQLText = errors.New("expression is not as Postgres writes it")

const operatorChars = "+-*/<>=~!@#%^&|`?"

// maxTextDepth bounds recursion.
const maxTextDepth = 500

// readSQL cuts an expression.
func readSQL(text string) ([]piece, error) {
	r := textReader{text: text}
	out, err := r.sequence("", 0)
	if err == nil && r.pos < len(text) {
		err = errSQLText
	}
	return out, err
}

type textReader struct {
	text string
	pos  int
}

// sequence reads up to the closing bracket, which it takes.
func (r *textReader) sequence(closing string, depth int) ([]piece, error) {
	if depth > maxTextDepth {
		return nil, errSQLText
	}
	var out []piece
	for {
		before := r.pos
		for r.pos < len(r.text) && strings.IndexByte(" \n\t\r", r.text[r.pos]) >= 0 {
			r.pos++
		}
		glue := r.pos == before
		if r.pos == len(r.text) {
			if closing != "" {
				return nil, errSQLText
			}
			return out, nil
		}
		c := r.text[r.pos]
		if c == ')' || c == ']' {
			if string(c) != closing {
				return nil, errSQLText
			}
			r.pos++
			return out, nil
		}
		p, err := r.piece(c, depth)
		if err != nil {
			return nil, err
		}
		p.glue = glue
		out = append(out, p)
	}
}

// piece reads the token or bracket that begins with c.
func (r *textReader) piece(c byte, depth int) (piece, error) {
	start := r.pos
	switch {
	case c == '(' || c == '[':
		r.pos++
		in, err := r.sequence(map[byte]string{'(': ")", '[': "]"}[c], depth+1)
		return piece{kind: pieceBracket, text: string(c), in: in}, err
	case c == '"':
		err := r.quoted('"', false)
		return piece{kind: pieceQuoted, text: r.text[start:r.pos]}, err
	case c == '\'':
		err := r.quoted('\'', false)
		return piece{kind: pieceLiteral, text: r.text[start:r.pos]}, err
	case strings.IndexByte(operatorChars, c) >= 0:
		for r.pos < len(r.text) && strings.IndexByte(operatorChars, r.text[r.pos]) >= 0 {
			r.pos++
		}
		return piece{kind: pieceOperator, text: r.text[start:r.pos]}, nil
	case strings.HasPrefix(r.text[r.pos:], "::"):
		r.pos += 2
		return piece{kind: pieceOperator, text: "::"}, nil
	case c == '.' || c == ',' || c == ':' || c == ';':
		r.pos++
		return piece{kind: pieceOperator, text: string(c)}, nil
	case isWordByte(c):
		for r.pos < len(r.text) && isWordByte(r.text[r.pos]) {
			r.pos++
		}
		word := r.text[start:r.pos]
		if c >= '0' && c <= '9' { // a number may have a fraction
			for r.pos < len(r.text) && (isWordByte(r.text[r.pos]) || r.text[r.pos] == '.') {
				r.pos++
			}
			return piece{kind: pieceLiteral, text: r.text[start:r.pos]}, nil
		}
		if (word == "E" || word == "B" || word == "X") && r.pos < len(r.text) && r.text[r.pos] == '\'' {
			err := r.quoted('\'', word == "E")
			return piece{kind: pieceLiteral, text: r.text[start:r.pos]}, err
		}
		return piece{kind: pieceWord, text: word}, nil
	}
	return piece{}, errSQLText
}

func isWordByte(c byte) bool {
	return c == '_' || c == '$' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
}

// quoted takes a quoted text; a doubled quote is one, and a backslash escapes if it may.
func (r *textReader) quoted(quote byte, escapes bool) error {
	r.pos++
	for r.pos < len(r.text) {
		switch c := r.text[r.pos]; {
		case escapes && c == '\\':
			r.pos = min(r.pos+2, len(r.text)) // the text may end with it
		case c != quote:
			r.pos++
		case r.pos+1 < len(r.text) && r.text[r.pos+1] == quote:
			r.pos += 2
		default:
			r.pos++
			return nil
		}
	}
	return errSQLText
}

// writeSQL is the text of pieces, with the same meaning as what was read.
func writeSQL(list []piece) string {
	var b strings.Builder
	appendSQL(&b, list)
	return b.String()
}

func appendSQL(b *strings.Builder, list []piece) {
	for i := range list {
		p := &list[i]
		if i > 0 && !p.glue {
			b.WriteByte(' ')
		}
		if p.kind != pieceBracket {
			b.WriteString(p.text)
			continue
		}
		b.WriteString(p.text)
		appendSQL(b, p.in)
		b.WriteString(map[string]string{"(": ")", "[": "]"}[p.text])
	}
}

// is reports whether the piece is that word or operator.
func (p *piece) is(text string) bool {
	return (p.kind == pieceWord || p.kind == pieceOperator) && p.text == text
}

// isName reports whether the piece may be part of a name. Keywords that Postgres writes are in capitals, names are not.
func (p *piece) isName() bool {
	if p.kind == pieceQuoted {
		return true
	}
	return p.kind == pieceWord && p.text != "true" && p.text != "false" && strings.ToLower(p.text) == p.text
}

// isSelect reports whether the piece is a sub-query in parentheses.
func (p *piece) isSelect() bool {
	return p.kind == pieceBracket && p.text == "(" && len(p.in) > 0 && (p.in[0].is("SELECT") || p.in[0].is("WITH") || p.in[0].is("VALUES"))
}

// named returns the name that a word or quoted piece is.
func (p *piece) named() string {
	if p.kind == pieceQuoted {
		return strings.ReplaceAll(p.text[1:len(p.text)-1], `""`, `"`)
	}
	return p.text
}

// group puts pieces into parentheses.
func group(list ...piece) piece { return piece{kind: pieceBracket, text: "(", in: list} }
