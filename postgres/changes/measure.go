package changes

import "realtime/postgres/wal"

// The limit on a record is one on its text as the plugin wal2json prints it and jsonb normalises it: that is what
// upstream measures and documents. The stream here has no such text, so its length is computed, exactly but for the
// digits of floats and what the time zone adds.

// worstEscape is how many times longer than itself a text can become: \u0000 for one byte.
const worstEscape = 6

// measure reports whether the record's text is longer than limit bytes.
func (r *batchRow) measure(limit int) bool {
	raw, columns := 0, len(r.Rel.Columns)
	for _, tuple := range [2]wal.Tuple{r.New, r.Old} {
		for i := range tuple {
			raw += len(tuple[i].Data)
		}
	}
	const overhead = 64 + 63*worstEscape*2 // of one column: names, keys and numbers
	if raw*worstEscape+(2*columns+4)*overhead <= limit {
		return false
	}
	t := r.mapping.table
	// {"pk": [], "table": "", "action": "I", "schema": "", "timestamp": "2026-01-02 03:04:05.678901+00"}
	size := 101 + quoted([]byte(r.Rel.Name)) + quoted([]byte(r.Rel.Schema))
	for _, k := range t.key {
		size += columnText(&t.columns[k.column]) + 2
	}
	if r.New != nil {
		size += len(`, "columns": []`)
		for i := range t.columns {
			if v, ok := r.mapping.value(r.Row, i); ok {
				size += columnText(&t.columns[i]) + len(`, , "value": `) + valueText(&t.columns[i], v)
			}
		}
	}
	if r.Op != wal.Insert {
		size += len(`, "identity": []`)
		for i := range t.columns {
			if v, ok := r.mapping.old(r.Row, i); ok {
				size += columnText(&t.columns[i]) + len(`, , "value": `) + valueText(&t.columns[i], v)
			}
		}
	}
	return size > limit
}

// columnText is the length of {"name": "id", "type": "integer", "typeoid": 23}.
func columnText(c *column) int {
	return len(`{"name": "", "type": "", "typeoid": }`) + quoted([]byte(c.name)) + quoted([]byte(c.sqlType)) + digits(c.oid)
}

// valueText is the length of a value: numbers and booleans as they are, everything else as a string.
func valueText(c *column, v wal.Value) int {
	if v.Kind != wal.Text {
		return len("null")
	}
	switch c.oid {
	case 16: // bool
		if len(v.Data) == 1 && v.Data[0] == 't' {
			return len("true")
		}
		return len("false")
	case 20, 21, 23, 26, 700, 701, 1700: // int8 int2 int4 oid float4 float8 numeric
		return len(v.Data)
	}
	return 2 + quoted(v.Data)
}

// quoted is the length of a text inside a JSON string.
func quoted(text []byte) int {
	n := len(text)
	for _, c := range text {
		switch {
		case c == '"' || c == '\\' || c == '\b' || c == '\f' || c == '\n' || c == '\r' || c == '\t':
			n++
		case c < 0x20:
			n += worstEscape - 1
		}
	}
	return n
}
