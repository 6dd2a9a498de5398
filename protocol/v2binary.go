package protocol

// The kinds of binary frames. Kinds 0 and 3 come from clients, kind 4 goes to them. Kinds 1 and 2 exist in Phoenix and
// are neither taken nor sent: the first carries nothing a JSON reply could not, the second is unknown to Supabase's
// clients.
const (
	kindPush          = 0
	kindUserPush      = 3
	kindUserBroadcast = 4
)

// The encodings of a user's payload.
const (
	encodingBinary = 0
	encodingJSON   = 1
)

var broadcastEvent = []byte(EventBroadcast)

// decodeBinary reads a frame of kind 0 or 3.
func decodeBinary(frame []byte, m *Message) error {
	if len(frame) == 0 {
		return errKind
	}
	switch frame[0] {
	case kindPush:
		return decodePush(frame[1:], m)
	case kindUserPush:
		return decodeUserPush(frame[1:], m)
	}
	return errKind
}

// decodePush reads J R T E, then as many bytes of join_ref, ref, topic, event, then the payload.
func decodePush(b []byte, m *Message) error {
	var fields [4][]byte
	rest, ok := cut(b, len(fields), fields[:])
	if !ok {
		return errShort
	}
	m.Kind = KindPush
	m.JoinRef, m.Ref = Ref{raw: fields[0], plain: true}, Ref{raw: fields[1], plain: true}
	m.Topic, m.Event, m.Payload = fields[2], fields[3], rest
	return nil
}

// decodeUserPush reads J R T E M and the encoding, then as many bytes of join_ref, ref, topic, user event, metadata, then
// the payload.
func decodeUserPush(b []byte, m *Message) error {
	var fields [5][]byte
	rest, ok := cut(b, len(fields)+1, fields[:])
	if !ok {
		return errShort
	}
	if meta := fields[4]; len(meta) > 0 {
		if !Valid(meta) {
			return errMeta
		}
		m.Meta = meta
	}
	m.Kind = KindUserBroadcast
	m.JoinRef, m.Ref = Ref{raw: fields[0], plain: true}, Ref{raw: fields[1], plain: true}
	m.Topic, m.Event, m.UserEvent, m.Payload = fields[2], broadcastEvent, fields[3], rest
	m.Binary = b[len(fields)] == encodingBinary
	return nil
}

// cut takes fields off b, whose first bytes are their lengths and whose header is head bytes long, and returns the rest.
func cut(b []byte, head int, fields [][]byte) (rest []byte, ok bool) {
	if len(b) < head {
		return nil, false
	}
	rest = b[head:]
	for i := range fields {
		n := int(b[i])
		if n > len(rest) {
			return nil, false
		}
		fields[i], rest = rest[:n:n], rest[n:]
	}
	return rest, true
}

// userHeader is the length of a kind 4 frame without its fields.
const userHeader = 5

// appendUserOpen appends a kind 4 frame without its payload. No field is longer than MaxBinaryField.
func appendUserOpen(dst []byte, topic string, event, meta []byte, encoding byte) []byte {
	dst = append(dst, kindUserBroadcast, byte(len(topic)), byte(len(event)), byte(len(meta)), encoding)
	dst = append(dst, topic...)
	dst = append(dst, event...)
	return append(dst, meta...)
}
