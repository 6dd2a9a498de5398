package protocol

import "unicode/utf8"

// v2Fields is the number of elements of a version 2 frame; a client may send more, which are ignored.
const v2Fields = 5

// decodeV2 reads [join_ref, ref, topic, event, payload].
func decodeV2(frame []byte, m *Message) error {
	if !utf8.Valid(frame) {
		return errNotJSON
	}
	var fields [v2Fields][]byte
	n := 0
	ok := Array(frame, func(value []byte) bool {
		if n < v2Fields {
			fields[n] = value
		}
		n++
		return true
	})
	switch {
	case !ok && !Valid(frame):
		return errNotJSON
	case !ok || n < v2Fields:
		return errNotArray
	}
	m.JoinRef.raw, m.Ref.raw = fields[0], fields[1]
	m.TopicJSON, m.Payload = fields[2], fields[4]
	return m.finish(fields[3])
}

// v2Len is the length of a text frame around a payload of n bytes: two brackets, four commas.
func v2Len(joinRef, ref Ref, topicJSON []byte, event string, n int) int {
	return 6 + joinRef.jsonLen() + ref.jsonLen() + len(topicJSON) + quotedLen(event) + n
}

// appendV2Open appends what stands before the payload; a bracket stands behind it.
func appendV2Open(dst []byte, joinRef, ref Ref, topicJSON []byte, event string) []byte {
	dst = append(dst, '[')
	dst = joinRef.AppendJSON(dst)
	dst = append(dst, ',')
	dst = ref.AppendJSON(dst)
	dst = append(dst, ',')
	dst = append(dst, topicJSON...)
	dst = append(dst, ',')
	dst = AppendString(dst, event)
	return append(dst, ',')
}
