package bench

import (
	"bufio"
	"encoding/binary"
	"strconv"

	"realtime/protocol"
)

// Opcodes of RFC 6455 §5.2.
const (
	opText   = 1
	opBinary = 2
	opClose  = 8
	opPing   = 9
	opPong   = 10
)

// appendFrame appends a client's frame. Its mask is zero, which masks nothing and is a mask all the same (RFC 6455 §5.3): the
// server has the work of unmasking, the generator none.
func appendFrame(dst []byte, op byte, body []byte) []byte {
	dst = append(dst, 0x80|op)
	switch n := len(body); {
	case n < 126:
		dst = append(dst, 0x80|byte(n))
	case n < 1<<16:
		dst = binary.BigEndian.AppendUint16(append(dst, 0x80|126), uint16(n))
	default:
		dst = binary.BigEndian.AppendUint64(append(dst, 0x80|127), uint64(n))
	}
	dst = append(dst, 0, 0, 0, 0)
	return append(dst, body...)
}

// frameHead measures a server's frame: the length of its head and of its body. ok is false if b is too short to tell.
func frameHead(b []byte) (head, body int, ok bool) {
	if len(b) < 2 {
		return 0, 0, false
	}
	switch n := int(b[1] & 0x7f); {
	case n < 126:
		return 2, n, true
	case n == 126:
		if len(b) < 4 {
			return 0, 0, false
		}
		return 4, int(binary.BigEndian.Uint16(b[2:])), true
	default:
		if len(b) < 10 {
			return 0, 0, false
		}
		return 10, int(binary.BigEndian.Uint64(b[2:]) & (1<<40 - 1)), true
	}
}

// appendPush appends a text message as either version writes it, in a frame. ref 0 is null.
func appendPush(dst []byte, v protocol.Version, joinRef, ref int, topic, event string, payload []byte) []byte {
	var b []byte
	if v == protocol.V1 {
		b = append(b, `{"topic":`...)
		b = protocol.AppendString(b, topic)
		b = append(b, `,"event":`...)
		b = protocol.AppendString(b, event)
		b = append(b, `,"payload":`...)
		b = append(b, payload...)
		b = append(b, `,"ref":`...)
		b = appendRef(b, ref)
		b = append(b, `,"join_ref":`...)
		b = append(appendRef(b, joinRef), '}')
		return appendFrame(dst, opText, b)
	}
	b = append(appendRef(append(b, '['), joinRef), ',')
	b = append(appendRef(b, ref), ',')
	b = append(protocol.AppendString(b, topic), ',')
	b = append(protocol.AppendString(b, event), ',')
	b = append(append(b, payload...), ']')
	return appendFrame(dst, opText, b)
}

func appendRef(dst []byte, ref int) []byte {
	if ref == 0 {
		return append(dst, "null"...)
	}
	dst = strconv.AppendInt(append(dst, '"'), int64(ref), 10)
	return append(dst, '"')
}

// event is the event under which the generator broadcasts.
const event = "load"

// appendBroadcast appends a broadcast in the form that the official clients choose: binary in version 2, where it fits.
func appendBroadcast(dst []byte, v protocol.Version, joinRef int, topic string, body []byte) []byte {
	if v == protocol.V1 || len(topic) > protocol.MaxBinaryField {
		payload := append([]byte(`{"type":"broadcast","event":"`+event+`","payload":`), body...)
		return appendPush(dst, v, joinRef, 0, topic, protocol.EventBroadcast, append(payload, '}'))
	}
	join := strconv.Itoa(joinRef)
	b := []byte{3, byte(len(join)), 0, byte(len(topic)), byte(len(event)), 0, 1} // user broadcast push, JSON, no ref: nothing is answered
	b = append(b, join+topic+event...)
	return appendFrame(dst, opBinary, append(b, body...))
}

// newBody makes a JSON object of size bytes with a record in it, or the shortest there is.
func newBody(size int, stream uint32) (dst []byte) {
	const open, fill, end = `{"a":"`, `","b":"`, `"}`
	dst = append(dst, open...)
	dst = appendRecord(dst, stream, 0, 0)
	if n := size - len(open) - recordLen - len(fill) - len(end); n >= 0 {
		dst = append(dst, fill...)
		for range n {
			dst = append(dst, 'x')
		}
	}
	return append(dst, end...)
}

// closeCode reads a server's frames up to the one that closes.
func closeCode(r *bufio.Reader) (code uint16, err error) {
	for {
		var b []byte
		var head, body int
		for _, n := range [...]int{2, 4, 10} {
			if b, err = r.Peek(n); err != nil {
				return 0, err
			}
			var ok bool
			if head, body, ok = frameHead(b); ok {
				break
			}
		}
		closes := b[0]&15 == opClose
		if _, err := r.Discard(head); err != nil {
			return 0, err
		}
		if closes && body >= 2 {
			if b, err = r.Peek(2); err != nil {
				return 0, err
			}
			return binary.BigEndian.Uint16(b), nil
		}
		if _, err := r.Discard(body); err != nil {
			return 0, err
		}
	}
}
