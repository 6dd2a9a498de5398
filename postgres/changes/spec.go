package changes

import (
	"strings"

	"realtime/protocol"
	"realtime/protocol/codes"
)

// wildcard stands for every schema, table or event. Everything else is matched exactly: upstream's LIKE would make "_"
// in a name match its neighbours.
const wildcard = "*"

// maxInValues is the most values an `in` filter may have.
const maxInValues = 100

// Spec is one checked element of postgres_changes.
type Spec struct {
	ID     int64  // the id of the join's reply
	Event  string // "*", "INSERT", "UPDATE" or "DELETE"
	Schema string // "*": every one
	Table  string // "*": every one
	// Filters must all hold.
	Filters []Condition
	// Select names the columns wanted besides the primary key; nil means all.
	Select []string
}

// ParseSpec checks the parameters of one entry. Its errors are faults of code RealtimeDisabledForConfiguration whose
// text is upstream's, word by word: people search for it.
func ParseSpec(e protocol.ChangeEntry) (Spec, error) {
	s := Spec{ID: e.ID, Event: eventOf(e.Event)}
	has := presentKeys(e)
	switch {
	case has.schema && e.Schema == nil, has.table && e.Table == nil, has.filter && e.Filter == nil,
		!has.schema && !has.table,
		has.filter && (!has.schema || !has.table):
		return Spec{}, refuse("No subscription params provided. Please provide at least a `schema` or `table` to subscribe to: " + renderParams(e))
	}
	s.Schema, s.Table = "public", wildcard
	if has.schema {
		s.Schema = *e.Schema
	}
	if has.table {
		s.Table = *e.Table
	}
	if e.SelectIsString {
		return Spec{}, refuse("Error parsing `select` params: expected a list of column name strings, e.g. select: [\"col1\", \"col2\"]")
	}
	if len(e.Select) > 0 {
		if s.Schema == wildcard || s.Table == wildcard {
			return Spec{}, refuse("Column selection is not supported for wildcard subscriptions. Provide an explicit schema and table name.")
		}
		s.Select = e.Select
	}
	if has.filter {
		conditions, err := parseFilter(*e.Filter)
		if err != nil {
			return Spec{}, refuse("Error parsing `filter` params: " + err.Error())
		}
		s.Filters = conditions
	}
	return s, nil
}

func refuse(text string) *codes.Fault {
	return codes.New(codes.RealtimeDisabledForConfiguration, "%s", text)
}

// eventOf takes the event in any case; what is no event means all of them.
func eventOf(event *string) string {
	if event != nil {
		switch name := strings.ToUpper(*event); name {
		case "INSERT", "UPDATE", "DELETE":
			return name
		}
	}
	return wildcard
}

// keys says which of the deciding keys an entry has. One that is null counts as absent, unlike upstream: clients of
// other languages send "filter": null for "no filter".
type keys struct{ schema, table, filter bool }

func presentKeys(e protocol.ChangeEntry) keys {
	k := keys{schema: e.Schema != nil, table: e.Table != nil, filter: e.Filter != nil}
	protocol.Object(e.Raw, func(key, value []byte) bool {
		if string(value) == "null" {
			return true
		}
		switch string(key) {
		case "schema":
			k.schema = true
		case "table":
			k.table = true
		case "filter":
			k.filter = true
		}
		return true
	})
	return k
}

// renderParams shows an entry in Elixir's syntax, as upstream does. Entries that carry a token are not shown.
func renderParams(e protocol.ChangeEntry) string {
	redact := false
	protocol.Object(e.Raw, func(key, _ []byte) bool {
		redact = redact || string(key) == "user_token" || string(key) == "auth_token"
		return true
	})
	if redact {
		return "<redacted>"
	}
	raw := e.Raw
	if len(raw) == 0 {
		raw = protocol.EmptyObject
	}
	return inspect(jsonTerm(raw))
}

// params shows the spec as upstream's messages about a failed subscription do.
func (s *Spec) params() string {
	columns := "nil"
	if s.Select != nil {
		columns = inspect(stringsTerm(s.Select))
	}
	return "[event: " + s.Event + ", schema: " + s.Schema + ", table: " + s.Table +
		", filters: " + inspect(filtersTerm(s.Filters)) + ", select: " + columns + "]"
}

// wants reports whether the spec's names mean the table.
func (s *Spec) wants(schema, table string) bool {
	return (s.Schema == wildcard || s.Schema == schema) && (s.Table == wildcard || s.Table == table)
}
