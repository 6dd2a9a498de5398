package messages

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"realtime/postgres/wal"
	"realtime/protocol"
)

// Message is one row of realtime.messages.
type Message struct {
	Topic     string // without the prefix "realtime:"
	Private   bool
	Broadcast protocol.Broadcast

	InsertedAt time.Time // as the row says; zero if it is no point in time
}

// Why a row cannot be broadcast. The texts are upstream's.
var (
	ErrInsertedAt = errors.New(":inserted_at_missing")
	ErrEvent      = errors.New(":event_missing")
	ErrID         = errors.New(":id_missing")
	ErrTopic      = errors.New(":topic_missing")
	ErrPrivate    = errors.New(":private_missing")
	ErrPayload    = errors.New(":payload_missing")
	ErrSize       = errors.New(":payload_size_exceeded")
	ErrRate       = errors.New(":too_many_requests")
	ErrNotJSON    = errors.New("the column payload is neither json nor jsonb, and its text is not JSON")
)

// RelationError is a table that has no business in the publication.
type RelationError struct{ Schema, Table string }

// Error is upstream's sentence.
func (e *RelationError) Error() string {
	return fmt.Sprintf("Unexpected relation on schema '%s' and table '%s'", e.Schema, e.Table)
}

// The columns that matter, as places in a layout.
const (
	insertedAt = iota
	event
	id
	topic
	private
	payload
	binaryPayload
	skipBroadcast
	columns
)

var names = [columns]string{"inserted_at", "event", "id", "topic", "private", "payload", "binary_payload", "skip_broadcast"}

// Object ids of the types whose text is JSON for certain (pg_type.dat).
const (
	jsonOID  = 114
	jsonbOID = 3802
)

// Decoder reads rows of the stream. One goroutine uses it. The zero Decoder is ready.
type Decoder struct {
	rel    *wal.Relation
	at     [columns]int // place of each column in the row, -1 if there is none
	isJSON bool
	ours   bool
}

// Decode reads a row. wanted is false for rows that are not to be broadcast: updates, deletes, and those that say so.
// The message aliases the row's buffer. The error is one of this package's, for each in upstream's order: an ErrX, or a
// *RelationError.
func (d *Decoder) Decode(r *wal.Row) (m Message, wanted bool, err error) {
	if r.Op != wal.Insert {
		return m, false, nil
	}
	if r.Rel != d.rel {
		d.layout(r.Rel)
	}
	if !d.ours {
		return m, false, &RelationError{Schema: r.Rel.Schema, Table: r.Rel.Name}
	}
	if isTrue(d.value(r, skipBroadcast)) {
		return m, false, nil
	}
	for _, c := range required {
		if d.value(r, c.column) == nil {
			return m, false, c.err
		}
	}
	m.InsertedAt, _ = time.Parse("2006-01-02 15:04:05.999999", string(d.value(r, insertedAt))) // infinity is no time
	m.Topic, m.Private = string(d.value(r, topic)), isTrue(d.value(r, private))
	m.Broadcast.Event, m.Broadcast.ID = d.value(r, event), string(d.value(r, id))
	if err := d.body(r, &m.Broadcast); err != nil {
		return m, false, err
	}
	return m, true, nil
}

// required are the columns that must hold something, in the order in which upstream looks.
var required = []struct {
	column int
	err    error
}{{insertedAt, ErrInsertedAt}, {event, ErrEvent}, {id, ErrID}, {topic, ErrTopic}, {private, ErrPrivate}}

// body reads the payload: bytes if there are any, else JSON.
func (d *Decoder) body(r *wal.Row, b *protocol.Broadcast) error {
	if raw := d.value(r, binaryPayload); raw != nil {
		bytes, err := hex.AppendDecode(make([]byte, 0, len(raw)/2), []byte(strings.TrimPrefix(string(raw), `\x`)))
		if err != nil {
			return ErrPayload
		}
		b.Form, b.Payload = protocol.FormUserBinary, bytes
		return nil
	}
	b.Form, b.Payload = protocol.FormUserJSON, d.value(r, payload)
	switch {
	case b.Payload == nil:
		return ErrPayload
	case !d.isJSON && !protocol.Valid(b.Payload):
		return ErrNotJSON
	}
	return nil
}

// value is the text of a column, nil for NULL and for a column that is not there.
func (d *Decoder) value(r *wal.Row, column int) []byte {
	at := d.at[column]
	if at < 0 || r.New[at].Kind != wal.Text {
		return nil
	}
	if v := r.New[at].Data; v != nil {
		return v
	}
	return []byte{} // the empty text is not NULL
}

// layout finds the columns of a relation: the table, or as a rule one of its partitions.
func (d *Decoder) layout(rel *wal.Relation) {
	d.rel, d.isJSON = rel, false
	d.ours = rel.Schema == "realtime" && (rel.Name == "messages" || strings.HasPrefix(rel.Name, "messages_"))
	for c, name := range names {
		d.at[c] = -1
		for i := range rel.Columns {
			if rel.Columns[i].Name == name {
				d.at[c] = i
				d.isJSON = d.isJSON || c == payload && (rel.Columns[i].Type == jsonbOID || rel.Columns[i].Type == jsonOID)
			}
		}
	}
}

// isTrue reads a boolean, or a text that says so.
func isTrue(text []byte) bool { return string(text) == "t" || string(text) == "true" }
