package protocol

import (
	"bytes"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// member names a key of an object and the place for its raw value.
type member struct {
	key string
	raw *[]byte
}

// pick fetches members of the object obj. Of a repeated key the last one counts; an absent one keeps its nil.
func pick(obj []byte, want ...member) {
	Object(obj, func(key, value []byte) bool {
		for _, w := range want {
			if string(key) == w.key {
				*w.raw = value
			}
		}
		return true
	})
}

// isNull tells whether a value is null or absent.
func isNull(raw []byte) bool { return raw == nil || string(raw) == "null" }

// optionalString returns a copy of a JSON string, nil for anything else.
func optionalString(raw []byte) *string {
	s := decodeString(raw)
	if s == nil {
		return nil
	}
	return new(string(s))
}

// flexibleBool reads true, false and strings that say so in any case. What is absent, null or a blank string is false;
// ok is false for everything else.
func flexibleBool(raw []byte) (v, ok bool) {
	switch {
	case isNull(raw) || string(raw) == "false":
		return false, true
	case string(raw) == "true":
		return true, true
	}
	s := decodeString(raw)
	if s == nil {
		return false, false
	}
	switch strings.ToLower(string(s)) {
	case "true":
		return true, true
	case "false":
		return false, true
	}
	return false, len(bytes.TrimSpace(s)) == 0
}

// presenceKey reads anything that can be a key: numbers and booleans as their text, an array as its strings and code
// points in a row. "" asks for a UUID; ok is false for a value that can be no key, which gets one too.
func presenceKey(raw []byte) (key string, ok bool) {
	switch {
	case isNull(raw):
		return "", true
	case raw[0] == '"':
		s := decodeString(raw)
		if len(bytes.TrimSpace(s)) == 0 {
			return "", true
		}
		return string(s), true
	case raw[0] == '{':
		return "", false
	case raw[0] == '[':
		s, ok := appendCharacters(nil, raw)
		if !ok {
			return "", false
		}
		return string(s), true
	case raw[0] == 't' || raw[0] == 'f':
		return string(raw), true
	default:
		return numberText(raw), true
	}
}

// appendCharacters appends the text of an array of strings, code points and arrays of them.
func appendCharacters(dst, raw []byte) ([]byte, bool) {
	good := true
	isArray := Array(raw, func(value []byte) bool {
		switch value[0] {
		case '"':
			dst = append(dst, decodeString(value)...)
		case '[':
			dst, good = appendCharacters(dst, value)
		default:
			n, ok := integer(value)
			good = ok && n >= 0 && n <= utf8.MaxRune && utf8.ValidRune(rune(n))
			if good {
				dst = utf8.AppendRune(dst, rune(n))
			}
		}
		return good
	})
	return dst, isArray && good
}

// numberText returns a JSON number as text: whole numbers as they are, others with the fewest digits that tell them
// apart, and at least one behind the point.
func numberText(raw []byte) string {
	text := string(raw)
	if text == "-0" {
		return "0"
	}
	if !strings.ContainsAny(text, ".eE") {
		return text
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return text
	}
	format := byte('f')
	if size := math.Abs(f); size != 0 && (size < 1e-6 || size >= 1e15) {
		format = 'e'
	}
	text = strconv.FormatFloat(f, format, -1, 64)
	if format == 'f' && !strings.Contains(text, ".") {
		text += ".0"
	}
	return text
}
