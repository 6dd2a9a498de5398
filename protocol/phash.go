package protocol

import (
	"math"
	"math/big"
	"strconv"
	"strings"
)

// The id of an entry is the number that upstream gives it, so that a client sees the same ids before and after a change
// of servers: Erlang's phash2, the portable hash of the entry read as a map with strings for binaries and nil for null.
// Its documentation promises the same value on every machine and in every release. The mixing is Bob Jenkins' of 1996
// ("lookup2"); each kind of term adds its own multiple of the golden ratio before a mix.
// https://www.erlang.org/doc/apps/erts/erlang.html#phash2/1

// hashRange is one more than the largest hash.
const hashRange = 1 << 27

const golden = 0x9e3779b9

// Multiples of the golden ratio, modulo 2^32, one for each kind of term.
const (
	saltSmall = golden * (iota + 1) & math.MaxUint32
	saltNil
	saltAtom
	saltBytes
	_
	_
	_
	_
	_
	saltNegative
	saltPositive
	saltFloat
	saltBinary
	_
	_
	saltMap
	_
	_
	saltPairs
)

const (
	hashOfNil = 3468870702 // the empty list, when nothing was hashed before it
	termOfNil = 2          // and otherwise
)

// portableHash returns the hash of a valid JSON value, 0 to hashRange-1.
func portableHash(raw []byte) uint32 { return hashValue(0, raw) % hashRange }

// hashValue mixes a value into h.
func hashValue(h uint32, raw []byte) uint32 {
	switch raw[0] {
	case '"':
		return hashString(h, decodeString(raw))
	case '{':
		return hashObject(h, raw)
	case '[':
		return hashArray(h, raw)
	case 't', 'f':
		return hashAtom(h, string(raw))
	case 'n':
		return hashAtom(h, "nil")
	}
	return hashNumber(h, string(raw))
}

// hashObject does not depend on the order of the members: the hashes of the pairs are joined by exclusive or.
func hashObject(h uint32, raw []byte) uint32 {
	members := make(map[string][]byte)
	Object(raw, func(key, value []byte) bool {
		members[string(key)] = value
		return true
	})
	h = mixOne(h, uint32(len(members)), saltMap)
	if len(members) == 0 {
		return h
	}
	all := uint32(0)
	for key, value := range members {
		all ^= hashValue(hashString(0, []byte(key)), value)
	}
	return mixOne(h, all, saltPairs)
}

// hashArray goes over a list, in which runs of small numbers are packed as if they were text.
func hashArray(h uint32, raw []byte) uint32 {
	packed, n := uint32(0), 0
	Array(raw, func(value []byte) bool {
		if b, err := strconv.ParseUint(string(value), 10, 8); err == nil {
			packed = packed<<8 | uint32(b)
			if n++; n == 4 {
				h = mixOne(h, packed, saltBytes)
				packed, n = 0, 0
			}
			return true
		}
		if n > 0 {
			h = mixOne(h, packed, saltBytes)
			packed, n = 0, 0
		}
		h = hashValue(h, value)
		return true
	})
	if n > 0 {
		h = mixOne(h, packed, saltBytes)
	}
	if h == 0 {
		return hashOfNil
	}
	return mixOne(h, termOfNil, saltNil)
}

// hashAtom uses the hash of the Dragon Book for the name.
func hashAtom(h uint32, name string) uint32 {
	a := uint32(0)
	for _, c := range []byte(name) {
		a = a<<4 + uint32(c)
		if top := a & 0xf0000000; top != 0 {
			a ^= top>>24 ^ top
		}
	}
	if h == 0 {
		return a
	}
	return mixOne(h, a, saltAtom)
}

func hashNumber(h uint32, text string) uint32 {
	if strings.ContainsAny(text, ".eE") {
		f, _ := strconv.ParseFloat(text, 64) // out of range: infinity will do
		if f == 0 {
			f = 0 // no negative zero
		}
		b := math.Float64bits(f)
		return mixTwo(h, uint32(b>>32), uint32(b), saltFloat)
	}
	if n, err := strconv.ParseInt(text, 10, 32); err == nil && n >= -hashRange && n < hashRange {
		if n < 0 {
			h = mixOne(h, uint32(-n), saltSmall)
		}
		return mixOne(h, uint32(n), saltSmall)
	}
	n, _ := new(big.Int).SetString(text, 10)
	salt := uint32(saltPositive)
	if n.Sign() < 0 {
		salt = saltNegative
		n.Neg(n)
	}
	for word := new(big.Int); ; {
		low := word.And(n, big.NewInt(0).SetUint64(math.MaxUint64)).Uint64()
		h = mixTwo(h, uint32(low), uint32(low>>32), salt)
		if n.Rsh(n, 64); n.Sign() == 0 {
			return h
		}
	}
}

// hashString takes twelve bytes at a time; the last few are spread over the three words, one byte of which is kept for
// the length.
func hashString(h uint32, s []byte) uint32 {
	a, b, c := uint32(golden), uint32(golden), h+saltBinary
	if len(s) == 0 {
		return c
	}
	n := uint32(len(s))
	for ; len(s) >= 12; s = s[12:] {
		a, b, c = mix(a+word(s), b+word(s[4:]), c+word(s[8:]))
	}
	var tail [12]byte
	copy(tail[:8], s)
	if len(s) > 8 {
		copy(tail[9:], s[8:])
	}
	_, _, c = mix(a+word(tail[:]), b+word(tail[4:]), c+n+word(tail[8:]))
	return c
}

// word reads four bytes, the lowest first.
func word(s []byte) uint32 {
	return uint32(s[0]) | uint32(s[1])<<8 | uint32(s[2])<<16 | uint32(s[3])<<24
}

func mixOne(h, x, salt uint32) uint32 { return mixTwo(h, x, 0, salt) }

func mixTwo(h, x, y, salt uint32) uint32 {
	_, _, c := mix(salt+x, salt+y, h)
	return c
}

// mix is Jenkins' reversible mix of three words.
func mix(a, b, c uint32) (uint32, uint32, uint32) {
	a = (a - b - c) ^ c>>13
	b = (b - c - a) ^ a<<8
	c = (c - a - b) ^ b>>13
	a = (a - b - c) ^ c>>12
	b = (b - c - a) ^ a<<16
	c = (c - a - b) ^ b>>5
	a = (a - b - c) ^ c>>3
	b = (b - c - a) ^ a<<10
	c = (c - a - b) ^ b>>15
	return a, b, c
}
