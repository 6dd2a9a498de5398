package client

import (
	"encoding/json"
	"errors"
	"fmt"

	"realtime/protocol"
)

// encode makes a text frame's content. An empty joinRef is null.
func (c *Client) encode(joinRef, ref, topic, event string, payload []byte) []byte {
	if c.o.Version == protocol.V1 {
		b := append([]byte(nil), `{"topic":`...)
		b = protocol.AppendString(b, topic)
		b = append(b, `,"event":`...)
		b = protocol.AppendString(b, event)
		b = append(append(b, `,"payload":`...), payload...)
		b = append(b, `,"ref":`...)
		b = protocol.AppendString(b, ref)
		b = append(b, `,"join_ref":`...)
		return append(appendRef(b, joinRef), '}')
	}
	b := append(appendRef([]byte{'['}, joinRef), ',')
	b = append(protocol.AppendString(b, ref), ',')
	b = append(protocol.AppendString(b, topic), ',')
	b = append(protocol.AppendString(b, event), ',')
	return append(append(b, payload...), ']')
}

func appendRef(dst []byte, ref string) []byte {
	if ref == "" {
		return append(dst, "null"...)
	}
	return protocol.AppendString(dst, ref)
}

var (
	errBytes  = errors.New("broadcast: bytes need version 2 of the protocol")
	errTooBig = errors.New("broadcast: bytes need a topic and an event of at most 255 bytes")
)

// encodeBroadcast makes the frame of a broadcast, in the form that applications' libraries choose: binary where the
// version has it, text otherwise.
func (c *Client) encodeBroadcast(joinRef, ref, topic, event string, payload any) (frame []byte, binary bool, err error) {
	body, isBytes := payload.([]byte)
	if !isBytes {
		if body, err = marshal(payload); err != nil {
			return nil, false, err
		}
	}
	fits := max(len(joinRef), len(ref), len(topic), len(event)) <= protocol.MaxBinaryField
	if c.o.Version == protocol.V2 && fits {
		encoding := byte(1)
		if isBytes {
			encoding = 0
		}
		frame = []byte{3, byte(len(joinRef)), byte(len(ref)), byte(len(topic)), byte(len(event)), 0, encoding}
		frame = append(frame, joinRef+ref+topic+event...)
		return append(frame, body...), true, nil
	}
	if isBytes && c.o.Version == protocol.V1 {
		return nil, false, errBytes
	}
	if isBytes {
		return nil, false, errTooBig
	}
	b := protocol.Broadcast{Form: protocol.FormUserJSON, Event: []byte(event), Payload: body}
	return c.encode(joinRef, ref, topic, protocol.EventBroadcast, b.AppendPayload(nil)), false, nil
}

// marshal returns v as JSON; nil is an empty object, bytes are JSON already.
func marshal(v any) ([]byte, error) {
	switch v := v.(type) {
	case nil:
		return protocol.EmptyObject, nil
	case []byte:
		return v, nil
	case json.RawMessage:
		return v, nil
	}
	b, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encode payload: %w", err)
	}
	return b, nil
}
