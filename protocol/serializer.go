package protocol

import "strings"

// Version is a serializer, chosen for the life of a connection.
type Version uint8

// The serializers.
const (
	V1 Version = 1
	V2 Version = 2
)

// ParseVersion reads the query parameter vsn: empty means 1.0.0; 1.0.x and 2.0.x are accepted with any patch number.
// ok is false for everything else, which a handshake answers with 403.
func ParseVersion(vsn string) (v Version, ok bool) {
	if vsn == "" {
		return V1, true
	}
	if patch, found := strings.CutPrefix(vsn, "1.0."); found {
		return V1, isPatch(patch)
	}
	if patch, found := strings.CutPrefix(vsn, "2.0."); found {
		return V2, isPatch(patch)
	}
	return 0, false
}

// isPatch tells whether s is a patch number of a semantic version: digits without a leading zero.
func isPatch(s string) bool {
	if s == "" || len(s) > 1 && s[0] == '0' {
		return false
	}
	return strings.Trim(s, "0123456789") == ""
}

// String returns the vsn that selects v.
func (v Version) String() string {
	if v == V1 {
		return "1.0.0"
	}
	return "2.0.0"
}

// Decode cuts one client frame into m, which it overwrites. binary is the frame's opcode; version 1 does not look at it.
// The slices of m alias frame. An error is a *codes.Fault, MalformedWebSocketMessage or UnknownErrorOnWebSocketMessage:
// such a frame is dropped without an answer and never closes the socket.
func (v Version) Decode(frame []byte, binary bool, m *Message) error {
	*m = Message{}
	switch {
	case v == V1:
		return decodeV1(frame, m)
	case binary:
		return decodeBinary(frame, m)
	default:
		return decodeV2(frame, m)
	}
}
