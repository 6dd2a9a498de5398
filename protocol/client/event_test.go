package client

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"realtime/protocol"
)

func TestDecode(t *testing.T) {
	for _, c := range []struct {
		name   string
		v      protocol.Version
		frame  string
		binary bool
		want   Event
	}{
		{
			"reply, version 1", protocol.V1, `{"topic":"realtime:room","event":"phx_reply","payload":{"status":"ok","response":{}},"ref":"1"}`, false,
			Event{Ref: "1", Topic: room, Event: "phx_reply", Payload: []byte(`{"status":"ok","response":{}}`)},
		},
		{
			"broadcast, version 1", protocol.V1, `{"topic":"realtime:room","event":"broadcast","payload":{},"ref":null}`, false,
			Event{Topic: room, Event: "broadcast", Payload: []byte(`{}`)},
		},
		{
			"reply, version 2", protocol.V2, `["1","2","realtime:room","phx_reply",{"status":"ok","response":{}}]`, false,
			Event{JoinRef: "1", Ref: "2", Topic: room, Event: "phx_reply", Payload: []byte(`{"status":"ok","response":{}}`)},
		},
		{
			"odd refs", protocol.V2, `[null,7,123,"phx_reply",{}]`, false,
			Event{Ref: "7", Topic: "123", Event: "phx_reply", Payload: []byte(`{}`)},
		},
		{
			"bytes", protocol.V2, "\x04\x05\x0a\x11\x00topicuser_event{\"replayed\":true}efg", true,
			Event{Topic: "topic", Event: "broadcast", UserEvent: "user_event", Meta: []byte(`{"replayed":true}`), Payload: []byte("efg"), Binary: true},
		},
		{
			"json", protocol.V2, "\x04\x05\x0a\x00\x01topicuser_event{\"a\":\"b\"}", true,
			Event{Topic: "topic", Event: "broadcast", UserEvent: "user_event", Payload: []byte(`{"type":"broadcast","event":"user_event","payload":{"a":"b"}}`)},
		},
		{
			"json with metadata", protocol.V2, "\x04\x01\x01\x0a\x01te{\"id\":\"1\"}[]", true,
			Event{Topic: "t", Event: "broadcast", UserEvent: "e", Meta: []byte(`{"id":"1"}`), Payload: []byte(`{"type":"broadcast","event":"e","meta":{"id":"1"},"payload":[]}`)},
		},
	} {
		got, err := Decode(c.v, []byte(c.frame), c.binary)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if diff := cmp.Diff(got, c.want); diff != "" {
			t.Errorf("%s (-got +want):\n%s", c.name, diff)
		}
	}
}

// The client is strict: what it lets pass, a stricter library must be able to read too.
func TestDecodeRefuses(t *testing.T) {
	for _, c := range []struct {
		v      protocol.Version
		frame  string
		binary bool
	}{
		{protocol.V1, `{"topic":"t","event":"e","payload":{}}`, false},
		{protocol.V1, `{"topic":"t","event":"e","payload":{},"ref":null,"join_ref":"1"}`, false},
		{protocol.V1, `[null,null,"t","e",{}]`, false},
		{protocol.V1, ``, false},
		{protocol.V2, `[null,null,"t","e"]`, false},
		{protocol.V2, `[null,null,"t","e",{},1]`, false},
		{protocol.V2, `[null,null,"t","e",{broken]`, false},
		{protocol.V2, "\x04\x05\x00\x00\x01to", true},
		{protocol.V2, "\x04\x00\x00", true},
		{protocol.V2, "\x03\x00\x00\x00\x00", true},
		{protocol.V2, "\x04\x00\x00\x00\x02", true},
		{protocol.V2, "\x04\x01\x01\x00\x01te{broken", true},
		{protocol.V2, "\x04\x01\x01\x01\x00te{", true},
	} {
		if e, err := Decode(c.v, []byte(c.frame), c.binary); err == nil {
			t.Errorf("version %s: %q was read as %+v", c.v, c.frame, e)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(false, false, []byte(`["1","2","t","e",{}]`))
	f.Add(true, false, []byte(`{"topic":"t","event":"e","payload":{},"ref":null}`))
	f.Add(false, true, []byte("\x04\x01\x01\x0a\x01te{\"id\":\"1\"}[]"))
	f.Fuzz(func(t *testing.T, old, binary bool, frame []byte) {
		v := protocol.V2
		if old {
			v = protocol.V1
		}
		e, err := Decode(v, frame, binary)
		if err == nil && !e.Binary && !protocol.Valid(e.Payload) {
			t.Errorf("payload %q is no JSON", e.Payload)
		}
		e.Broadcast()
		e.Reply()
	})
}
