package wal

import (
	"bytes"
	"errors"
	"fmt"
)

// maxDepth bounds how deep types may be made of types. The catalog cannot nest that deep by accident, and text cannot
// either: quoting doubles with each level.
const maxDepth = 64

// Errors of AppendJSON, wrapped with the name of the type and never with the value.
var (
	// ErrUnknownType: Load was not called for the type, or the catalog no longer has it.
	ErrUnknownType = errors.New("type is not known")
	// ErrBadText: the text is not what the type's output function makes. Of a composite it may mean that the type was
	// altered since it was loaded.
	ErrBadText = errors.New("text does not fit the type")
)

// AppendJSON appends the JSON of a value whose output text is text, written under DateStyle ISO, IntervalStyle postgres
// and bytea_output hex. What it appends is always one JSON value: with an error, the text as a string, so that a caller
// may count the error and go on. (jsonb is trusted to be JSON.) The type modifier has no part in it: char(n) and bit(n)
// are given whole.
//
// Common scalars do not allocate.
func (t *Types) AppendJSON(dst []byte, oid uint32, _ int32, text []byte) ([]byte, error) {
	f := t.facts(oid)
	if f == nil || f.unknown {
		return appendString(dst, text), fmt.Errorf("append type %d as JSON: %w", oid, ErrUnknownType)
	}
	from := len(dst)
	dst, ok := t.appendValue(dst, f, text, false, 0)
	if !ok {
		return appendString(dst[:from], text), fmt.Errorf("append %s as JSON: %w", f.name, ErrBadText)
	}
	return dst, nil
}

// appendValue appends one value. nested says that it stands inside an array, a composite or a domain, where Postgres'
// own conversion applies; outside, that of wal2json does, which upstream's clients know: no NaN, bytea without \x.
// If it returns false, what it appended is to be thrown away.
func (t *Types) appendValue(dst []byte, f *facts, text []byte, nested bool, depth int) ([]byte, bool) {
	if depth > maxDepth {
		return dst, false
	}
	switch f.class {
	case stringClass:
		return appendString(dst, text), true
	case intClass:
		return appendInt(dst, text)
	case boolClass:
		return appendBool(dst, text)
	case decimalClass:
		return appendDecimal(dst, text, nested)
	case timestampClass:
		return appendTimestamp(dst, text)
	case byteaClass:
		return appendBytea(dst, text, nested)
	case jsonbClass:
		return appendJSONB(dst, text)
	case jsonClass:
		return t.norms.append(dst, text)
	case vectorClass:
		return t.appendVector(dst, f, text, depth)
	case arrayClass:
		return t.appendArray(dst, f, text, depth)
	case compositeClass:
		return t.appendComposite(dst, f, text, depth)
	case domainClass:
		return t.appendValue(dst, f.elem, text, true, depth+1)
	}
	return dst, false
}

func appendBool(dst, text []byte) ([]byte, bool) {
	if len(text) == 1 && text[0] == 't' {
		return append(dst, "true"...), true
	}
	if len(text) == 1 && text[0] == 'f' {
		return append(dst, "false"...), true
	}
	return dst, false
}

// appendBytea appends the hex digits: bare at top level, as \x… when nested.
func appendBytea(dst, text []byte, nested bool) ([]byte, bool) {
	hex, ok := bytes.CutPrefix(text, []byte(`\x`))
	if !ok || len(hex)%2 != 0 {
		return dst, false
	}
	for _, c := range hex {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return dst, false
		}
	}
	dst = append(dst, '"')
	if nested {
		dst = append(dst, `\\x`...)
	}
	dst = append(dst, hex...)
	return append(dst, '"'), true
}

// appendTimestamp turns "2024-01-02 03:04:05.6+00 BC" into "2024-01-02T03:04:05.6+00:00 BC". Infinities have no space
// and stay as they are.
func appendTimestamp(dst, text []byte) ([]byte, bool) {
	for _, c := range text {
		if c < ' ' || c >= 0x7f || c == '"' || c == '\\' {
			return dst, false
		}
	}
	dst = append(dst, '"')
	day, clock, ok := bytes.Cut(text, []byte(" "))
	dst = append(dst, day...)
	if ok {
		clock, bc := bytes.CutSuffix(clock, []byte(" BC"))
		dst = append(append(dst, 'T'), clock...)
		if n := len(clock); n > 3 && (clock[n-3] == '+' || clock[n-3] == '-') {
			dst = append(dst, ":00"...) // the offset has hours only
		}
		if bc {
			dst = append(dst, " BC"...)
		}
	}
	return append(dst, '"'), true
}

// appendVector appends an int2vector or oidvector, "1 2 3".
func (t *Types) appendVector(dst []byte, f *facts, text []byte, depth int) ([]byte, bool) {
	dst = append(dst, '[')
	for first := true; len(text) > 0; first = false {
		var part []byte
		part, text, _ = bytes.Cut(text, []byte(" "))
		if !first {
			dst = append(dst, ',')
		}
		var ok bool
		if dst, ok = t.appendValue(dst, f.elem, part, true, depth+1); !ok {
			return dst, false
		}
	}
	return append(dst, ']'), true
}
