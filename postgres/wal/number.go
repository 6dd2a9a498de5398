package wal

import "bytes"

// maxExponent bounds the zeros that an exponent may stand for. float8 needs 324.
const maxExponent = 400

// appendInt appends int2, int4, int8: the digits themselves.
func appendInt(dst, text []byte) ([]byte, bool) {
	digits := text
	if len(digits) > 1 && digits[0] == '-' {
		digits = digits[1:]
	}
	if len(digits) == 0 || len(digits) > 1 && digits[0] == '0' {
		return dst, false
	}
	for _, c := range digits {
		if c < '0' || c > '9' {
			return dst, false
		}
	}
	return append(dst, text...), true
}

// appendDecimal appends a float or numeric in plain notation, as Postgres' numeric would print it: an exponent is
// multiplied out, zero has no sign. NaN and the infinities are null at top level and strings when nested.
func appendDecimal(dst, text []byte, nested bool) ([]byte, bool) {
	switch string(text) {
	case "NaN", "Infinity", "-Infinity":
		if !nested {
			return append(dst, "null"...), true
		}
		return appendString(dst, text), true
	}
	n, ok := parseNumber(text)
	if !ok {
		return dst, false
	}
	if n.exp == 0 && (!n.negative || !n.zero()) {
		return append(dst, text...), true
	}
	return n.append(dst)
}

// number is a JSON number taken apart. The slices alias its text.
type number struct {
	negative bool
	whole    []byte // at least one digit, no leading zero but "0"
	fraction []byte // may be empty
	exp      int    // clamped well beyond maxExponent
}

// parseNumber takes a number of RFC 8259 section 6 apart.
func parseNumber(text []byte) (n number, ok bool) {
	if len(text) > 0 && text[0] == '-' {
		n.negative, text = true, text[1:]
	}
	n.whole, text = cutDigits(text)
	if len(n.whole) == 0 || len(n.whole) > 1 && n.whole[0] == '0' {
		return n, false
	}
	if len(text) > 0 && text[0] == '.' {
		n.fraction, text = cutDigits(text[1:])
		if len(n.fraction) == 0 {
			return n, false
		}
	}
	if len(text) == 0 {
		return n, true
	}
	if text[0] != 'e' && text[0] != 'E' {
		return n, false
	}
	text = text[1:]
	minus := false
	if len(text) > 0 && (text[0] == '-' || text[0] == '+') {
		minus, text = text[0] == '-', text[1:]
	}
	digits, rest := cutDigits(text)
	if len(digits) == 0 || len(rest) > 0 {
		return n, false
	}
	for _, c := range digits {
		n.exp = min(n.exp*10+int(c-'0'), 1_000_000)
	}
	if minus {
		n.exp = -n.exp
	}
	return n, true
}

func cutDigits(text []byte) (digits, rest []byte) {
	i := 0
	for i < len(text) && text[i] >= '0' && text[i] <= '9' {
		i++
	}
	return text[:i], text[i:]
}

func (n *number) zero() bool {
	return len(bytes.Trim(n.whole, "0")) == 0 && len(bytes.Trim(n.fraction, "0")) == 0
}

// append appends the number without an exponent. It returns false if that takes too many zeros.
func (n *number) append(dst []byte) ([]byte, bool) {
	if n.exp > maxExponent || n.exp < -maxExponent {
		return dst, false
	}
	if n.negative && !n.zero() {
		dst = append(dst, '-')
	}
	point := len(n.whole) + n.exp // digits of whole and fraction that stand before the point
	from := len(dst)
	for i := range max(point, 0) {
		if c := n.digit(i); c != '0' || len(dst) > from {
			dst = append(dst, c)
		}
	}
	if len(dst) == from {
		dst = append(dst, '0')
	}
	scale := len(n.fraction) - n.exp
	if scale <= 0 {
		return dst, true
	}
	dst = append(dst, '.')
	for i := point; i < point+scale; i++ {
		dst = append(dst, n.digit(i))
	}
	return dst, true
}

// digit returns the i-th digit counted from the first of whole, '0' on either side of what is written.
func (n *number) digit(i int) byte {
	if i < 0 {
		return '0'
	}
	if i < len(n.whole) {
		return n.whole[i]
	}
	if i -= len(n.whole); i < len(n.fraction) {
		return n.fraction[i]
	}
	return '0'
}
