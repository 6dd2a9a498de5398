package protocol

import (
	"bytes"
	"unicode/utf16"
	"unicode/utf8"
	"unsafe"
)

// view returns b as a string without copying. The string must not outlive the call it is made for,
// nor b change meanwhile.
func view(b []byte) string {
	return unsafe.String(unsafe.SliceData(b), len(b)) //nolint:gosec // the slice's own pointer and length
}

// decodeString returns the value of a JSON string, nil if raw is none. It aliases raw unless there are escapes.
func decodeString(raw []byte) []byte {
	if len(raw) < 2 || raw[0] != '"' {
		return nil
	}
	s := raw[1 : len(raw)-1]
	if bytes.IndexByte(s, '\\') < 0 {
		return s
	}
	return unescape(make([]byte, 0, len(s)), s)
}

// unescape appends s, the inside of a valid JSON string, without its escapes. Half a surrogate pair becomes U+FFFD.
func unescape(dst, s []byte) []byte {
	for {
		i := bytes.IndexByte(s, '\\')
		if i < 0 {
			return append(dst, s...)
		}
		dst = append(dst, s[:i]...)
		c := s[i+1]
		s = s[i+2:]
		switch c {
		case 'b':
			dst = append(dst, '\b')
		case 'f':
			dst = append(dst, '\f')
		case 'n':
			dst = append(dst, '\n')
		case 'r':
			dst = append(dst, '\r')
		case 't':
			dst = append(dst, '\t')
		case 'u':
			r := hex4(s)
			s = s[4:]
			if utf16.IsSurrogate(r) {
				low := rune(-1)
				if len(s) >= 6 && s[0] == '\\' && s[1] == 'u' {
					low = hex4(s[2:])
				}
				if r = utf16.DecodeRune(r, low); r != utf8.RuneError {
					s = s[6:]
				}
			}
			dst = utf8.AppendRune(dst, r)
		default: // quote, backslash, slash
			dst = append(dst, c)
		}
	}
}

// hex4 reads four hexadecimal digits.
func hex4(s []byte) rune {
	return rune(unhex(s[0])<<12 | unhex(s[1])<<8 | unhex(s[2])<<4 | unhex(s[3]))
}

// unhex returns the value of a hexadecimal digit, -1 if c is none.
func unhex(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return int(c|0x20-'a') + 10
	}
	return -1
}

const hexDigits = "0123456789abcdef"

// replacement stands for a byte that is no UTF-8.
const replacement = `\ufffd`

// AppendString appends s as a JSON string. What comes out is valid UTF-8 whatever comes in.
func AppendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	start := 0
	for i := 0; i < len(s); {
		if n := plainLen(s, i); n > 0 {
			i += n
			continue
		}
		dst = append(dst, s[start:i]...)
		dst = appendEscape(dst, s[i])
		i++
		start = i
	}
	dst = append(dst, s[start:]...)
	return append(dst, '"')
}

// quotedLen returns how many bytes AppendString appends.
func quotedLen(s string) int {
	n := len(s) + 2
	for i := 0; i < len(s); {
		if c := plainLen(s, i); c > 0 {
			i += c
			continue
		}
		n += escapeLen(s[i]) - 1
		i++
	}
	return n
}

// plainLen returns the length of the character at s[i:], 0 if its first byte must be escaped.
func plainLen(s string, i int) int {
	switch c := s[i]; {
	case c >= utf8.RuneSelf:
		r, n := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && n == 1 {
			return 0
		}
		return n
	case c < ' ' || c == '"' || c == '\\':
		return 0
	}
	return 1
}

// appendEscape appends the escape of a byte that may not stand in a string.
func appendEscape(dst []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\n':
		return append(dst, `\n`...)
	case '\r':
		return append(dst, `\r`...)
	case '\t':
		return append(dst, `\t`...)
	}
	if c >= utf8.RuneSelf {
		return append(dst, replacement...)
	}
	return append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&0xf])
}

// escapeLen returns how many bytes appendEscape appends.
func escapeLen(c byte) int {
	switch c {
	case '"', '\\', '\n', '\r', '\t':
		return 2
	}
	return 6
}
