package client

import (
	"bytes"
	"errors"

	"realtime/protocol"
)

// Event is one message of the server. It owns its memory.
type Event struct {
	JoinRef, Ref string // "" for null
	Topic, Event string
	Payload      []byte // JSON, unless Binary
	UserEvent    string // of a broadcast that came as a binary frame
	Meta         []byte // its metadata, JSON, or nil
	Binary       bool   // Payload is the raw body of such a broadcast
}

var errFrame = errors.New("decode frame: not a message of the server")

// Decode reads one message of the server. The broadcasts of binary frames get the payload they have in the other version,
// {"type":"broadcast","event":…,"payload":…}, so that both look alike.
func Decode(v protocol.Version, frame []byte, binary bool) (Event, error) {
	switch {
	case binary:
		return decodeUser(frame)
	case v == protocol.V1:
		return decodeObject(frame)
	default:
		return decodeArray(frame)
	}
}

func decodeObject(frame []byte) (Event, error) {
	var e Event
	seen := 0
	ok := protocol.Valid(frame) && protocol.Object(frame, func(key, value []byte) bool {
		seen++
		switch string(key) {
		case "topic":
			e.Topic = text(value)
		case "event":
			e.Event = text(value)
		case "payload":
			e.Payload = bytes.Clone(value)
		case "ref":
			e.Ref = text(value)
		default:
			seen = -1
			return false
		}
		return true
	})
	if !ok || seen != 4 || e.Payload == nil {
		return Event{}, errFrame
	}
	return e, nil
}

func decodeArray(frame []byte) (Event, error) {
	var e Event
	seen := 0
	ok := protocol.Valid(frame) && protocol.Array(frame, func(value []byte) bool {
		switch seen {
		case 0:
			e.JoinRef = text(value)
		case 1:
			e.Ref = text(value)
		case 2:
			e.Topic = text(value)
		case 3:
			e.Event = text(value)
		case 4:
			e.Payload = bytes.Clone(value)
		}
		seen++
		return true
	})
	if !ok || seen != 5 {
		return Event{}, errFrame
	}
	return e, nil
}

// decodeUser reads kind 4: T E M and the encoding, then topic, event, metadata and payload.
func decodeUser(frame []byte) (Event, error) {
	const header = 5
	if len(frame) < header || frame[0] != 4 || frame[4] > 1 {
		return Event{}, errFrame
	}
	topic, event, meta := int(frame[1]), int(frame[2]), int(frame[3])
	if len(frame) < header+topic+event+meta {
		return Event{}, errFrame
	}
	rest := frame[header:]
	e := Event{Topic: string(rest[:topic]), Event: protocol.EventBroadcast, Binary: frame[4] == 0}
	rest = rest[topic:]
	e.UserEvent, rest = string(rest[:event]), rest[event:]
	if meta > 0 {
		e.Meta = bytes.Clone(rest[:meta])
	}
	body := rest[meta:]
	if meta > 0 && !protocol.Valid(e.Meta) || !e.Binary && !protocol.Valid(body) {
		return Event{}, errFrame
	}
	if e.Binary {
		e.Payload = bytes.Clone(body)
		return e, nil
	}
	e.Payload = append(e.Payload, `{"type":"broadcast","event":`...)
	e.Payload = protocol.AppendString(e.Payload, e.UserEvent)
	if meta > 0 {
		e.Payload = append(append(e.Payload, `,"meta":`...), e.Meta...)
	}
	e.Payload = append(append(e.Payload, `,"payload":`...), body...)
	e.Payload = append(e.Payload, '}')
	return e, nil
}

// text returns a string's value, nothing for null, and anything else as it is written.
func text(raw []byte) string {
	if s, ok := protocol.StringValue(raw); ok {
		return s
	}
	if string(raw) == "null" {
		return ""
	}
	return string(raw)
}

// Broadcast returns what a member of a channel sent, whichever form it came in. ok is false for other events.
func (e Event) Broadcast() (event string, payload []byte, ok bool) {
	if e.Event != protocol.EventBroadcast {
		return "", nil, false
	}
	if e.Binary {
		return e.UserEvent, e.Payload, true
	}
	return field(e.Payload, "event"), member(e.Payload, "payload"), true
}

// Reply returns the status and the response of a phx_reply. ok is false for other events.
func (e Event) Reply() (status string, response []byte, ok bool) {
	if e.Event != protocol.EventReply {
		return "", nil, false
	}
	return field(e.Payload, "status"), member(e.Payload, "response"), true
}

// member returns a raw member of a JSON object, nil if there is none; field its value as text.
func member(object []byte, name string) []byte {
	var raw []byte
	protocol.Object(object, func(key, value []byte) bool {
		if string(key) == name {
			raw = value
		}
		return true
	})
	return raw
}

func field(object []byte, name string) string { return text(member(object, name)) }
