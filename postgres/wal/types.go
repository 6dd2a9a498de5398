package wal

// class is the manner in which a type's output text becomes JSON.
type class uint8

const (
	stringClass    class = iota // the text, as a string
	boolClass                   // t, f
	intClass                    // digits
	decimalClass                // float4, float8, numeric: digits, perhaps an exponent, NaN, Infinity
	byteaClass                  // \x and hex digits
	timestampClass              // date, space, time, perhaps an offset, perhaps BC
	jsonClass                   // any JSON text, not normalised
	jsonbClass                  // JSON as Postgres itself prints it
	vectorClass                 // int2vector, oidvector: elements parted by spaces
	arrayClass                  // {…}
	compositeClass              // (…)
	domainClass                 // as the base type, but nested
)

// facts are what the catalog says of one type. They are immutable once Types hands them out.
type facts struct {
	name     string // pg_type.typname
	class    class
	delim    byte        // between the elements of an array of this type
	elem     *facts      // of an array or vector: the elements; of a domain: the base type
	attrs    []attribute // of a composite, in order, without dropped ones
	jsonCast bool        // has a cast function to json of its own
	unknown  bool        // the catalog has no such type (any more)
}

// attribute is one field of a composite type.
type attribute struct {
	key  []byte // its name as a JSON object key, colon included
	kind *facts
}

// Types holds what the catalog says of the types that rows are made of. It belongs to one goroutine. Types change
// (ALTER TYPE): whoever sees the catalog change begins anew with NewTypes.
type Types struct {
	known map[uint32]*facts // by pg_type OID; the built-in ones are in builtin

	text  []byte // stack of unescaped array elements and composite fields
	norms normalizer
}

// NewTypes returns the types that every Postgres has built in. The others are read by Load.
func NewTypes() *Types { return &Types{known: make(map[uint32]*facts)} }

// Name returns pg_type.typname, or "" for a type that is not loaded or does not exist.
func (t *Types) Name(oid uint32) string {
	if f := t.facts(oid); f != nil {
		return f.name
	}
	return ""
}

// NeedsDatabase reports whether the type, or one it is made of, has a cast function to json (hstore, PostGIS), so that
// only Postgres can make its JSON. AppendJSON makes a string of its text.
func (t *Types) NeedsDatabase(oid uint32) bool {
	f := t.facts(oid)
	return f != nil && f.needsDatabase(0)
}

func (f *facts) needsDatabase(depth int) bool {
	if f.jsonCast {
		return true
	}
	if depth > maxDepth {
		return false
	}
	if f.elem != nil && f.elem.needsDatabase(depth+1) {
		return true
	}
	for i := range f.attrs {
		if f.attrs[i].kind.needsDatabase(depth + 1) {
			return true
		}
	}
	return false
}

// facts returns what is known of a type, nil if nothing is.
func (t *Types) facts(oid uint32) *facts {
	if oid < uint32(len(builtin)) {
		if f := builtin[oid]; f != nil {
			return f
		}
	}
	return t.known[oid]
}
