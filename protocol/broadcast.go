package protocol

import (
	"bytes"

	"realtime/protocol/codes"
)

// Form is how much of a broadcast's body the server has to add.
type Form uint8

// The forms.
const (
	FormPayload    Form = iota // Payload is the whole JSON payload, sent as it is
	FormUserJSON               // Event and a JSON Payload
	FormUserBinary             // Event and raw bytes
)

// Broadcast is one message to fan out, as parts, so that the frame of either serializer can be made of it. The parts are
// trusted: a JSON Payload is valid JSON.
type Broadcast struct {
	Form           Form
	Event, Payload []byte
	ID             string // meta.id, "" for none; not used with FormPayload
	Replayed       bool   // meta.replayed; a replayed JSON message is a text frame in both versions
}

var (
	errNullPayload = codes.New(codes.UnableToHandleBroadcast, "the payload of a broadcast must not be null")
	errUserJSON    = codes.New(codes.UnableToHandleBroadcast, "the payload of a broadcast sent as JSON is not valid JSON")
)

// EncodeBroadcast makes the frame of a client's broadcast for the members on version v, with one allocation; the slices
// of b alias the frame, so that the buffer m came in can be given back. frame is nil if the message cannot reach v, and
// then b owns a copy. topic is what the members joined, topicJSON the same as JSON.
//
// A null payload is refused because clients break on it, a user payload that claims to be JSON and is not because it
// would break the frame it is spliced into: UnableToHandleBroadcast.
func EncodeBroadcast(v Version, m *Message, topic string, topicJSON []byte) (frame []byte, b Broadcast, err error) {
	switch {
	case m.Kind == KindPush:
		b = Broadcast{Form: FormUserBinary, Event: m.Event, Payload: m.Payload}
	case m.Kind == KindText:
		if string(m.Payload) == "null" {
			return nil, b, errNullPayload
		}
		b = Broadcast{Form: FormPayload, Payload: m.Payload}
	case m.Binary:
		b = Broadcast{Form: FormUserBinary, Event: m.UserEvent, Payload: m.Payload}
	case !Valid(m.Payload):
		return nil, b, errUserJSON
	default:
		b = Broadcast{Form: FormUserJSON, Event: m.UserEvent, Payload: m.Payload}
	}
	frame, at := b.appendFrame(nil, v, Ref{}, topic, topicJSON)
	if len(frame) == 0 {
		b.Event, b.Payload = bytes.Clone(b.Event), bytes.Clone(b.Payload)
		return nil, b, nil
	}
	if at.event < 0 {
		b.Event = bytes.Clone(b.Event)
	} else {
		b.Event = frame[at.event : at.event+len(b.Event) : at.event+len(b.Event)]
	}
	b.Payload = frame[at.payload : at.payload+len(b.Payload) : at.payload+len(b.Payload)]
	return frame, b, nil
}

// AppendFrame appends the frame of b for version v. It returns dst as it is if b cannot reach v: raw bytes have no form
// in JSON. joinRef is zero except for what is told to one member alone. A message whose event or topic is too long for a
// binary frame goes to version 2 as JSON text.
func (b *Broadcast) AppendFrame(dst []byte, v Version, joinRef Ref, topic string, topicJSON []byte) []byte {
	dst, _ = b.appendFrame(dst, v, joinRef, topic, topicJSON)
	return dst
}

// place says where the event and the payload of a broadcast begin in its frame; event is below 0 if it is not there as
// it is.
type place struct{ event, payload int }

func (b *Broadcast) appendFrame(dst []byte, v Version, joinRef Ref, topic string, topicJSON []byte) ([]byte, place) {
	at := place{event: -1}
	fits := len(topic) <= MaxBinaryField && len(b.Event) <= MaxBinaryField
	switch {
	case b.Form == FormPayload:
		dst = textOpen(dst, v, joinRef, Ref{}, topicJSON, EventBroadcast, len(b.Payload))
		at.payload = len(dst)
		dst = append(dst, b.Payload...)
	case b.Form == FormUserBinary:
		if v == V1 || !fits {
			return dst, at
		}
		return b.appendUser(dst, topic, encodingBinary)
	case v == V2 && fits && !b.Replayed && b.metaLen() <= MaxBinaryField:
		return b.appendUser(dst, topic, encodingJSON)
	default:
		dst = textOpen(dst, v, joinRef, Ref{}, topicJSON, EventBroadcast, b.userLen())
		dst, at = b.appendUserJSON(dst)
	}
	return textClose(dst, v, Ref{}), at
}

// appendUser appends a kind 4 frame. Metadata too long for it is left out, which only raw bytes with a huge id can meet.
func (b *Broadcast) appendUser(dst []byte, topic string, encoding byte) ([]byte, place) {
	var room [MaxBinaryField]byte
	meta := room[:0]
	if b.metaLen() <= MaxBinaryField {
		meta = b.appendMeta(meta)
	}
	dst = appendHeader(dst, finBinary, userHeader+len(topic)+len(b.Event)+len(meta)+len(b.Payload))
	dst = appendUserOpen(dst, topic, b.Event, meta, encoding)
	at := place{event: len(dst) - len(meta) - len(b.Event), payload: len(dst)}
	return append(dst, b.Payload...), at
}

// The payload of a broadcast with an event, as text. meta is there only if there is something to say in it.
const (
	userType    = `{"type":"broadcast","event":`
	userMeta    = `,"meta":`
	userPayload = `,"payload":`
)

// AppendPayload appends the JSON payload {"type":"broadcast","event":…,"meta":…,"payload":…} of a FormUserJSON message:
// what version 1 and the REST batch door send.
func (b *Broadcast) AppendPayload(dst []byte) []byte {
	dst, _ = b.appendUserJSON(dst)
	return dst
}

func (b *Broadcast) appendUserJSON(dst []byte) ([]byte, place) {
	at := place{event: -1}
	dst = append(dst, userType...)
	begin := len(dst)
	dst = AppendString(dst, view(b.Event))
	if len(dst)-begin == len(b.Event)+2 { // nothing was escaped
		at.event = begin + 1
	}
	if b.metaLen() > 0 {
		dst = append(dst, userMeta...)
		dst = b.appendMeta(dst)
	}
	dst = append(dst, userPayload...)
	at.payload = len(dst)
	dst = append(dst, b.Payload...)
	return append(dst, '}'), at
}

// userLen returns how many bytes appendUserJSON appends.
func (b *Broadcast) userLen() int {
	n := len(userType) + quotedLen(view(b.Event)) + len(userPayload) + len(b.Payload) + 1
	if meta := b.metaLen(); meta > 0 {
		n += len(userMeta) + meta
	}
	return n
}

const (
	metaID       = `{"id":`
	metaReplayed = `,"replayed":true`
)

// appendMeta appends {"id":…} or {"id":…,"replayed":true}; nothing for a message without an id.
func (b *Broadcast) appendMeta(dst []byte) []byte {
	if b.ID == "" {
		return dst
	}
	dst = append(dst, metaID...)
	dst = AppendString(dst, b.ID)
	if b.Replayed {
		dst = append(dst, metaReplayed...)
	}
	return append(dst, '}')
}

// metaLen returns how many bytes appendMeta appends.
func (b *Broadcast) metaLen() int {
	if b.ID == "" {
		return 0
	}
	n := len(metaID) + quotedLen(b.ID) + 1
	if b.Replayed {
		n += len(metaReplayed)
	}
	return n
}
