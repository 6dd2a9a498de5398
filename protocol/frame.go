package protocol

import (
	"encoding/binary"
	"slices"
	"unicode/utf8"
)

// First bytes of final frames (RFC 6455 §5.2): FIN and the opcode.
const (
	finText   = 0x81
	finBinary = 0x82
	finClose  = 0x88
)

// maxHeader is the length of the longest header of a frame that is not masked.
const maxHeader = 10

// appendHeader appends the header of an unmasked frame with n bytes of payload, after making room for both.
func appendHeader(dst []byte, first byte, n int) []byte {
	switch {
	case n < 126:
		return append(grow(dst, 2+n), first, byte(n))
	case n < 1<<16:
		dst = append(grow(dst, 4+n), first, 126)
		return binary.BigEndian.AppendUint16(dst, uint16(n))
	default:
		dst = append(grow(dst, maxHeader+n), first, 127)
		return binary.BigEndian.AppendUint64(dst, uint64(n))
	}
}

// grow makes room for n more bytes. A frame of its own gets exactly what it needs, in one allocation.
func grow(dst []byte, n int) []byte {
	if dst == nil {
		return make([]byte, 0, n)
	}
	return slices.Grow(dst, n)
}

var nullJSON = []byte("null")

// textOpen appends a text frame up to its payload of n bytes, textClose the few bytes behind that.
func textOpen(dst []byte, v Version, joinRef, ref Ref, topicJSON []byte, event string, n int) []byte {
	if len(topicJSON) == 0 {
		topicJSON = nullJSON
	}
	if v == V1 {
		dst = appendHeader(dst, finText, v1Len(ref, topicJSON, event, n))
		return appendV1Open(dst, topicJSON, event)
	}
	dst = appendHeader(dst, finText, v2Len(joinRef, ref, topicJSON, event, n))
	return appendV2Open(dst, joinRef, ref, topicJSON, event)
}

func textClose(dst []byte, v Version, ref Ref) []byte {
	if v == V1 {
		return appendV1Close(dst, ref)
	}
	return append(dst, ']')
}

// appendText appends a whole text frame.
func appendText(dst []byte, v Version, joinRef, ref Ref, topicJSON []byte, event string, payload []byte) []byte {
	dst = textOpen(dst, v, joinRef, ref, topicJSON, event, len(payload))
	dst = append(dst, payload...)
	return textClose(dst, v, ref)
}

const (
	replyStatus   = `{"status":`
	replyResponse = `,"response":`
)

// AppendReply appends a phx_reply. response is a JSON value, nil for {}. V1 has no place for joinRef.
func AppendReply(dst []byte, v Version, joinRef, ref Ref, topicJSON []byte, status string, response []byte) []byte {
	if response == nil {
		response = EmptyObject
	}
	n := len(replyStatus) + quotedLen(status) + len(replyResponse) + len(response) + 1
	dst = textOpen(dst, v, joinRef, ref, topicJSON, EventReply, n)
	dst = append(dst, replyStatus...)
	dst = AppendString(dst, status)
	dst = append(dst, replyResponse...)
	dst = append(dst, response...)
	dst = append(dst, '}')
	return textClose(dst, v, ref)
}

// AppendPush appends a message of the server with a null ref. payload is a JSON value, nil for {}. joinRef is zero for
// what is fanned out, the join's for what one channel is told alone.
func AppendPush(dst []byte, v Version, joinRef Ref, topicJSON []byte, event string, payload []byte) []byte {
	if payload == nil {
		payload = EmptyObject
	}
	return appendText(dst, v, joinRef, Ref{}, topicJSON, event, payload)
}

// AppendPhxClose appends the end of a channel, which clients take as final. joinRef is the one the client sent with the
// join, null if it sent none; it is the ref as well.
func AppendPhxClose(dst []byte, v Version, joinRef Ref, topicJSON []byte) []byte {
	return appendText(dst, v, joinRef, joinRef, topicJSON, EventClose, EmptyObject)
}

var crashPayload = []byte(`{"reason":"channel_crash"}`)

// AppendPhxError appends the crash of a channel, after which clients join again. joinRef as for AppendPhxClose.
func AppendPhxError(dst []byte, v Version, joinRef Ref, topicJSON []byte) []byte {
	return appendText(dst, v, joinRef, joinRef, topicJSON, EventError, crashPayload)
}

// maxCloseReason is what a control frame leaves for the reason after the code (RFC 6455 §5.5).
const maxCloseReason = 123

// AppendWSClose appends a close frame (RFC 6455 §5.5.1). A reason too long for it is cut between two characters. Code 0
// leaves the body empty.
func AppendWSClose(dst []byte, code uint16, reason string) []byte {
	if code == 0 {
		return append(dst, finClose, 0)
	}
	if len(reason) > maxCloseReason {
		end := maxCloseReason
		for end > 0 && !utf8.RuneStart(reason[end]) {
			end--
		}
		reason = reason[:end]
	}
	dst = appendHeader(dst, finClose, 2+len(reason))
	dst = binary.BigEndian.AppendUint16(dst, code)
	return append(dst, reason...)
}
