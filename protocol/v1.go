package protocol

import (
	"unicode/utf8"

	"realtime/protocol/codes"
)

// decodeV1 reads {"topic":…,"event":…,"payload":…,"ref":…,"join_ref":…}. The first four keys must be there, with any
// value; others are ignored, and of a repeated key the last one counts.
func decodeV1(frame []byte, m *Message) error {
	if !utf8.Valid(frame) {
		return errNotJSON
	}
	var event []byte
	ok := Object(frame, func(key, value []byte) bool {
		switch string(key) {
		case "topic":
			m.TopicJSON = value
		case "event":
			event = value
		case "payload":
			m.Payload = value
		case "ref":
			m.Ref.raw = value
		case "join_ref":
			m.JoinRef.raw = value
		}
		return true
	})
	if !ok {
		*m = Message{}
		if Valid(frame) {
			return errNotObject
		}
		return errNotJSON
	}
	for _, field := range [...]struct {
		name  string
		value []byte
	}{{"topic", m.TopicJSON}, {"event", event}, {"payload", m.Payload}, {"ref", m.Ref.raw}} {
		if field.value == nil {
			*m = Message{}
			return codes.New(codes.MalformedWebSocketMessage, "missing key %q", field.name)
		}
	}
	return m.finish(event)
}

const (
	v1Topic   = `{"topic":`
	v1Event   = `,"event":`
	v1Payload = `,"payload":`
	v1Ref     = `,"ref":`
	v1End     = `}`
)

// v1Len is the length of a text frame around a payload of n bytes.
func v1Len(ref Ref, topicJSON []byte, event string, n int) int {
	return len(v1Topic) + len(topicJSON) + len(v1Event) + quotedLen(event) + len(v1Payload) + n +
		len(v1Ref) + ref.jsonLen() + len(v1End)
}

// appendV1Open appends what stands before the payload, appendV1Close what stands behind it.
func appendV1Open(dst, topicJSON []byte, event string) []byte {
	dst = append(dst, v1Topic...)
	dst = append(dst, topicJSON...)
	dst = append(dst, v1Event...)
	dst = AppendString(dst, event)
	return append(dst, v1Payload...)
}

func appendV1Close(dst []byte, ref Ref) []byte {
	dst = append(dst, v1Ref...)
	dst = ref.AppendJSON(dst)
	return append(dst, v1End...)
}
