package protocol

import (
	"bytes"
	"encoding/json"
	"strings"
)

// maxEntries bounds config.postgres_changes: an entry takes far more memory than the two bytes it can be written in.
const maxEntries = 10_000

// ChangeEntry is one element of config.postgres_changes: what a channel wants to hear of. It owns its memory.
type ChangeEntry struct {
	Raw                          []byte   // the object exactly as sent, except that a key "id" is taken out
	ID                           int64    // 0 to 2^27-1; equal for equal entries, never for different ones of one join
	Event, Schema, Table, Filter *string  // nil if absent, null or no string
	BadType                      []string // which of schema, table, filter and select have a value of the wrong type
	Select                       []string // the strings of the array; others are dropped
	HasSelect                    bool     // select is there and not null; an empty Select means all columns then, too
	SelectIsString               bool     // select is a string, which asks for an error that says so
}

// LegacyEntry returns the entry of a join without "config", whose topic says it: schema, schema:table or
// schema:table:filter, where only the first two colons separate.
func LegacyEntry(sub string) ChangeEntry {
	var raw []byte
	for i, part := range strings.SplitN(sub, ":", 3) {
		raw = append(raw, [...]string{`{"schema":`, `,"table":`, `,"filter":`}[i]...)
		raw = AppendString(raw, part)
	}
	entries := []ChangeEntry{parseEntry(append(raw, '}'))}
	assignIDs(entries)
	return entries[0]
}

// parseEntry reads one entry, a valid JSON object.
func parseEntry(raw []byte) ChangeEntry {
	e := ChangeEntry{Raw: withoutID(raw)}
	var event, schema, table, filter, columns []byte
	pick(raw, member{"event", &event}, member{"schema", &schema}, member{"table", &table},
		member{"filter", &filter}, member{"select", &columns})
	e.Event = optionalString(event) // anything but a known name means "*", so no type is wrong here
	e.Schema = e.text(schema, "schema")
	e.Table = e.text(table, "table")
	e.Filter = e.text(filter, "filter")
	if isNull(columns) {
		return e
	}
	e.HasSelect, e.SelectIsString = true, columns[0] == '"'
	isArray := Array(columns, func(name []byte) bool {
		if s := decodeString(name); s != nil {
			e.Select = append(e.Select, string(s))
		}
		return true
	})
	if !isArray {
		e.BadType = append(e.BadType, "select")
	}
	return e
}

// text reads a member that should be a string.
func (e *ChangeEntry) text(raw []byte, key string) *string {
	s := optionalString(raw)
	if s == nil && !isNull(raw) {
		e.BadType = append(e.BadType, key)
	}
	return s
}

// withoutID returns a copy of the object raw without its members called "id": the reply adds one, and of two a client
// would take its own.
func withoutID(raw []byte) []byte {
	found := false
	Object(raw, func(key, _ []byte) bool {
		found = string(key) == "id"
		return !found
	})
	if !found {
		return bytes.Clone(raw)
	}
	out := append(make([]byte, 0, len(raw)), '{')
	Object(raw, func(key, value []byte) bool {
		if string(key) == "id" {
			return true
		}
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = AppendString(out, view(key))
		out = append(out, ':')
		out = append(out, value...)
		return true
	})
	return append(out, '}')
}

// assignIDs gives each entry its hash as id. Should two different entries of the join have the same hash, which takes ill
// will, the later one gets the highest free number.
func assignIDs(entries []ChangeEntry) {
	taken := make(map[int64]string, len(entries)) // id to the entry that has it
	moved := make(map[string]int64)               // entries that found their hash taken
	spare := int64(hashRange - 1)
	for i := range entries {
		e := &entries[i]
		e.ID = int64(portableHash(e.Raw))
		first, clash := taken[e.ID]
		if !clash {
			taken[e.ID] = string(e.Raw)
			continue
		}
		if first == string(e.Raw) {
			continue
		}
		value := canonical(e.Raw)
		if value == canonical([]byte(first)) {
			continue
		}
		if id, again := moved[value]; again {
			e.ID = id
			continue
		}
		for taken[spare] != "" {
			spare--
		}
		e.ID = spare
		taken[spare], moved[value] = string(e.Raw), spare
	}
}

// canonical returns the text that equal JSON values have in common, whatever their white space, escapes and order of keys.
func canonical(raw []byte) string {
	var value any
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if d.Decode(&value) != nil {
		return string(raw)
	}
	out, err := json.Marshal(value)
	if err != nil {
		return string(raw)
	}
	return string(out)
}
