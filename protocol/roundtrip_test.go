package protocol_test

import (
	"encoding/binary"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"realtime/protocol"
	"realtime/protocol/client"
)

// failer is a test or a property.
type failer interface {
	Helper()
	Fatalf(format string, args ...any)
}

// body takes the header off a frame.
func body(t failer, frame []byte) []byte {
	t.Helper()
	n, head := int(frame[1]), 2
	switch n {
	case 126:
		n, head = int(binary.BigEndian.Uint16(frame[2:])), 4
	case 127:
		n, head = int(binary.BigEndian.Uint64(frame[2:])), 10
	}
	if len(frame) != head+n {
		t.Fatalf("header says %d bytes, there are %d", n, len(frame)-head)
	}
	return frame[head:]
}

// spoken is what a receiver makes of a string that may be no UTF-8.
func spoken(s string) string {
	out, _ := protocol.StringValue(protocol.AppendString(nil, s))
	return out
}

func versions(t *rapid.T) protocol.Version {
	return rapid.SampledFrom([]protocol.Version{protocol.V1, protocol.V2}).Draw(t, "version")
}

// A library reads from every frame what was put into it.
func TestRepliesAndPushesRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := versions(t)
		joinRef, ref, topic := rapid.String().Draw(t, "join_ref"), rapid.String().Draw(t, "ref"), rapid.String().Draw(t, "topic")
		event, said := rapid.String().Draw(t, "event"), rapid.String().Draw(t, "payload")
		topicJSON, payload := protocol.AppendString(nil, topic), protocol.AppendString(nil, said)
		frame := protocol.AppendPush(nil, v, protocol.StringRef(joinRef), topicJSON, event, payload)
		got, err := client.Decode(v, body(t, frame), false)
		want := client.Event{JoinRef: joinRef, Topic: topic, Event: event, Payload: payload}
		if v == protocol.V1 {
			want.JoinRef = ""
		}
		if diff := cmp.Diff(got, want); err != nil || diff != "" {
			t.Fatalf("push: %v (-got +want):\n%s", err, diff)
		}
		frame = protocol.AppendReply(nil, v, protocol.StringRef(joinRef), protocol.StringRef(ref), topicJSON, event, payload)
		got, err = client.Decode(v, body(t, frame), false)
		status, response, ok := got.Reply()
		if err != nil || !ok || status != event || string(response) != string(payload) || got.Ref != ref || got.JoinRef != want.JoinRef {
			t.Fatalf("reply: %v, %+v", err, got)
		}
	})
}

func FuzzBroadcastRoundTrip(f *testing.F) {
	f.Add(byte(0), "", []byte(`{"type":"broadcast","event":"e","payload":1}`), "", false, "realtime:room")
	f.Add(byte(1), "e", []byte(`{"a":1}`), "id", true, "realtime:room")
	f.Add(byte(2), "e\xff", []byte{0, 0xff}, "", false, "realtime:\xff")
	f.Fuzz(func(t *testing.T, form byte, event string, payload []byte, id string, replayed bool, topic string) {
		b := protocol.Broadcast{Form: protocol.Form(form % 3), Event: []byte(event), Payload: payload, ID: id, Replayed: replayed}
		if b.Form != protocol.FormUserBinary && !protocol.Valid(payload) {
			return
		}
		for _, v := range []protocol.Version{protocol.V1, protocol.V2} {
			frame := b.AppendFrame(nil, v, protocol.Ref{}, topic, protocol.AppendString(nil, topic))
			if len(frame) == 0 {
				if b.Form != protocol.FormUserBinary {
					t.Errorf("version %s is not reached", v)
				}
				continue
			}
			binary := frame[0] == 0x82
			got, err := client.Decode(v, body(t, frame), binary)
			if err != nil {
				t.Fatalf("version %s: %q: %v", v, frame, err)
			}
			wantTopic := topic
			if !binary {
				wantTopic = spoken(topic)
			}
			if got.Topic != wantTopic || got.Event != protocol.EventBroadcast {
				t.Errorf("version %s: topic %q, event %q", v, got.Topic, got.Event)
			}
			if b.Form == protocol.FormPayload {
				if string(got.Payload) != string(trim(b.Form, payload)) {
					t.Errorf("version %s: payload %q, want %q", v, got.Payload, payload)
				}
				continue
			}
			wantEvent := event
			if !got.Binary {
				wantEvent = spoken(event)
			}
			gotEvent, gotPayload, _ := got.Broadcast()
			if gotEvent != wantEvent || string(gotPayload) != string(trim(b.Form, payload)) {
				t.Errorf("version %s: %q %q, want %q %q", v, gotEvent, gotPayload, wantEvent, payload)
			}
		}
	})
}

// trim takes the white space around a JSON value away, as reading it out of an object does.
func trim(form protocol.Form, payload []byte) []byte {
	if form == protocol.FormUserBinary {
		return payload
	}
	var out []byte
	protocol.Array(append(append([]byte{'['}, payload...), ']'), func(value []byte) bool {
		out = value
		return true
	})
	return out
}

// What a client sends is what the others get, whatever their version.
func FuzzEncodeBroadcast(f *testing.F) {
	f.Add([]byte("\x03\x01\x01\x0a\x01\x00\x01\x31\x32realtime:ae{\"m\":1}"))
	f.Add([]byte("\x03\x00\x00\x01\x01\x02\x00t\xff{}\x00\x01"))
	f.Add([]byte("\x00\x00\x00\x01\x09tbroadcast\x05\x06"))
	f.Fuzz(func(t *testing.T, frame []byte) {
		var m protocol.Message
		if protocol.V2.Decode(frame, true, &m) != nil {
			return
		}
		topic := string(m.Topic)
		for _, v := range []protocol.Version{protocol.V1, protocol.V2} {
			out, b, err := protocol.EncodeBroadcast(v, &m, topic, protocol.AppendString(nil, topic))
			if err != nil {
				if m.Kind != protocol.KindUserBroadcast || m.Binary || protocol.Valid(m.Payload) {
					t.Errorf("refused: %v", err)
				}
				continue
			}
			event := m.UserEvent
			if m.Kind == protocol.KindPush {
				event = m.Event
			}
			if string(b.Event) != string(event) || string(b.Payload) != string(m.Payload) {
				t.Errorf("version %s: parts %q %q, want %q %q", v, b.Event, b.Payload, event, m.Payload)
			}
			if out == nil {
				continue
			}
			got, err := client.Decode(v, body(t, out), out[0] == 0x82)
			if err != nil {
				t.Fatalf("version %s: %q: %v", v, out, err)
			}
			if name, _, _ := got.Broadcast(); name != string(event) && name != spoken(string(event)) {
				t.Errorf("version %s: event %q, want %q", v, name, event)
			}
		}
	})
}
