package wal

import (
	"bytes"
	"unicode/utf8"
)

const hexDigits = "0123456789abcdef"

// plain[c] says that the byte stands for itself in a JSON string.
var plain = func() (p [256]bool) {
	for c := range p {
		p[c] = c >= ' ' && c != '"' && c != '\\'
	}
	return p
}()

// appendString appends s as a JSON string. Bytes that are not UTF-8 (a SQL_ASCII database may hold some) become U+FFFD.
func appendString(dst, s []byte) []byte {
	s = validText(s)
	dst = append(dst, '"')
	done := 0
	for i, c := range s {
		if plain[c] {
			continue
		}
		dst = append(dst, s[done:i]...)
		done = i + 1
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\b':
			dst = append(dst, '\\', 'b')
		case '\f':
			dst = append(dst, '\\', 'f')
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\r':
			dst = append(dst, '\\', 'r')
		case '\t':
			dst = append(dst, '\\', 't')
		default:
			dst = append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
	}
	dst = append(dst, s[done:]...)
	return append(dst, '"')
}

// appendJSONB appends what Postgres printed as JSON.
func appendJSONB(dst, text []byte) ([]byte, bool) {
	if len(text) == 0 {
		return dst, false
	}
	return append(dst, validText(text)...), true
}

// validText returns s, in which everything that is not UTF-8 is replaced.
func validText(s []byte) []byte {
	if utf8.Valid(s) {
		return s
	}
	return bytes.ToValidUTF8(s, []byte("\uFFFD"))
}
