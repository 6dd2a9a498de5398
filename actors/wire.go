package actors

import (
	"encoding/binary"
	"iter"

	"realtime/protocol"
)

// wireVersion is the first byte of every broadcast between nodes: a node drops what it does not know.
const wireVersion = 1

// appendWire appends one broadcast as other nodes get it: version, form, flags, then event, id and payload, each
// with its length as a uvarint.
func appendWire(dst []byte, b *protocol.Broadcast) []byte {
	flags := byte(0)
	if b.Replayed {
		flags = 1
	}
	dst = append(dst, wireVersion, byte(b.Form), flags)
	dst = appendField(dst, b.Event)
	dst = appendField(dst, []byte(b.ID))
	return appendField(dst, b.Payload)
}

func appendField(dst, field []byte) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(field))), field...)
}

// wireBroadcasts reads a batch of broadcasts. It stops at the first that makes no sense. The broadcasts alias batch.
func wireBroadcasts(batch []byte) iter.Seq[protocol.Broadcast] {
	return func(yield func(protocol.Broadcast) bool) {
		for len(batch) >= 3 && batch[0] == wireVersion && batch[1] <= byte(protocol.FormUserBinary) {
			b := protocol.Broadcast{Form: protocol.Form(batch[1]), Replayed: batch[2]&1 == 1}
			rest := batch[3:]
			var id []byte
			var ok bool
			for _, field := range []*[]byte{&b.Event, &id, &b.Payload} {
				if *field, rest, ok = cutField(rest); !ok {
					return
				}
			}
			b.ID = string(id)
			batch = rest
			if !yield(b) {
				return
			}
		}
	}
}

func cutField(b []byte) (field, rest []byte, ok bool) {
	n, k := binary.Uvarint(b)
	if k <= 0 || n > uint64(len(b)-k) {
		return nil, nil, false
	}
	end := k + int(n)
	return b[k:end:end], b[end:], true
}
