package protocol

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"realtime/protocol/codes"
)

// userMessage is a kind 3 message as Decode makes it.
func userMessage(t testing.TB, event string, encoding byte, payload string) *Message {
	t.Helper()
	var m Message
	if err := V2.Decode(userFrame(event, encoding, []byte(payload)), true, &m); err != nil {
		t.Fatal(err)
	}
	return &m
}

func textMessage(t testing.TB, payload string) *Message {
	t.Helper()
	var m Message
	if err := V2.Decode([]byte(`["1","2","realtime:room","broadcast",`+payload+`]`), false, &m); err != nil {
		t.Fatal(err)
	}
	return &m
}

// What a receiver gets depends on how the message was sent and on the receiver's version.
func TestDeliveryForms(t *testing.T) {
	kind0 := &Message{Kind: KindPush, Topic: []byte(room), Event: []byte("broadcast"), Payload: []byte{5, 6}}
	for _, c := range []struct {
		name   string
		m      *Message
		v1, v2 string
	}{
		{"object", textMessage(t, `{}`), `{"topic":"realtime:room","event":"broadcast","payload":{},"ref":null}`, `[null,null,"realtime:room","broadcast",{}]`},
		{"string", textMessage(t, `"just a string"`), `{"topic":"realtime:room","event":"broadcast","payload":"just a string","ref":null}`, `[null,null,"realtime:room","broadcast","just a string"]`},
		{"array", textMessage(t, `[ 1 ]`), `{"topic":"realtime:room","event":"broadcast","payload":[ 1 ],"ref":null}`, `[null,null,"realtime:room","broadcast",[ 1 ]]`},
		{"kind 3, json", userMessage(t, "e", 1, `{"a":1}`), `{"topic":"realtime:room","event":"broadcast","payload":{"type":"broadcast","event":"e","payload":{"a":1}},"ref":null}`, "\x04\x0d\x01\x00\x01" + `realtime:roome{"a":1}`},
		{"kind 3, json null", userMessage(t, "e", 1, `null`), `{"topic":"realtime:room","event":"broadcast","payload":{"type":"broadcast","event":"e","payload":null},"ref":null}`, "\x04\x0d\x01\x00\x01realtime:roomenull"},
		{"kind 3, encoding 7", userMessage(t, "e", 7, `1`), `{"topic":"realtime:room","event":"broadcast","payload":{"type":"broadcast","event":"e","payload":1},"ref":null}`, "\x04\x0d\x01\x00\x01realtime:roome1"},
		{"kind 3, escaped event", userMessage(t, `"`, 1, `1`), `{"topic":"realtime:room","event":"broadcast","payload":{"type":"broadcast","event":"\"","payload":1},"ref":null}`, "\x04\x0d\x01\x00\x01realtime:room\"1"},
		{"kind 3, event of no UTF-8", userMessage(t, "\xff", 1, `1`), `{"topic":"realtime:room","event":"broadcast","payload":{"type":"broadcast","event":"\ufffd","payload":1},"ref":null}`, "\x04\x0d\x01\x00\x01realtime:room\xff1"},
		{"kind 3, bytes", userMessage(t, "e", 0, "\x00\xff"), ``, "\x04\x0d\x01\x00\x00realtime:roome\x00\xff"},
		{"kind 3, no bytes", userMessage(t, "", 0, ""), ``, "\x04\x0d\x00\x00\x00realtime:room"},
		{"kind 0", kind0, ``, "\x04\x0d\x09\x00\x00realtime:roombroadcast\x05\x06"},
	} {
		for v, want := range map[Version]string{V1: c.v1, V2: c.v2} {
			frame, b, err := EncodeBroadcast(v, c.m, room, roomJSON)
			if err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
			if want == "" {
				if frame != nil {
					t.Errorf("%s reaches version %s as %q", c.name, v, frame)
				}
			} else if _, body := openFrame(t, c.name, frame); string(body) != want {
				t.Errorf("%s, version %s:\n got %q\nwant %q", c.name, v, body, want)
			}
			// Whatever it was encoded for first, the other version's frame is made of the same parts.
			for other, want := range map[Version]string{V1: c.v1, V2: c.v2} {
				dst := b.AppendFrame([]byte("x"), other, Ref{}, room, roomJSON)
				if want == "" {
					if string(dst) != "x" {
						t.Errorf("%s from %s reaches version %s as %q", c.name, v, other, dst)
					}
				} else if _, body := openFrame(t, c.name, dst[1:]); string(body) != want {
					t.Errorf("%s from %s, version %s:\n got %q\nwant %q", c.name, v, other, body, want)
				}
			}
		}
	}
}

func TestBroadcastsThatAreRefused(t *testing.T) {
	for name, m := range map[string]*Message{
		"null payload":        textMessage(t, `null`),
		"broken user json":    userMessage(t, "e", 1, `{broken`),
		"empty user json":     userMessage(t, "e", 1, ``),
		"user json, no UTF-8": userMessage(t, "e", 1, "\"\xff\""),
	} {
		for _, v := range []Version{V1, V2} {
			frame, _, err := EncodeBroadcast(v, m, room, roomJSON)
			fault, ok := errors.AsType[*codes.Fault](err)
			if frame != nil || !ok || fault.Code != codes.UnableToHandleBroadcast {
				t.Errorf("%s, version %s: frame %q, error %v", name, v, frame, err)
			}
		}
	}
}

// The buffer a message came in is given back when the frame is made.
func TestBroadcastOutlivesItsBuffer(t *testing.T) {
	for name, in := range map[string][]byte{
		"text":           []byte(`["1","2","realtime:room","broadcast",{"a":1}]`),
		"kind 3, json":   userFrame("event", encodingJSON, []byte(`{"a":1}`)),
		"kind 3, bytes":  userFrame("event", encodingBinary, []byte{1, 2, 3}),
		"kind 3, escape": userFrame(`"`, encodingJSON, []byte(`{"a":1}`)),
	} {
		for _, v := range []Version{V1, V2} {
			buffer := bytes.Clone(in)
			var m Message
			if err := V2.Decode(buffer, name != "text", &m); err != nil {
				t.Fatal(err)
			}
			want := Broadcast{Event: bytes.Clone(m.UserEvent), Payload: bytes.Clone(m.Payload)}
			frame, got, err := EncodeBroadcast(v, &m, room, roomJSON)
			if err != nil {
				t.Fatal(err)
			}
			clear(buffer)
			want.Form = got.Form
			if diff := cmp.Diff(got, want); diff != "" {
				t.Errorf("%s, version %s (-got +want):\n%s", name, v, diff)
			}
			if frame != nil && cap(got.Payload) != len(got.Payload) {
				t.Errorf("%s, version %s: appending to the payload would write into the frame", name, v)
			}
		}
	}
}

// A topic or an event that a binary frame cannot carry reaches version 2 as text; bytes cannot.
func TestLongFieldsFallBackToText(t *testing.T) {
	long := strings.Repeat("x", MaxBinaryField+1)
	longTopic := TopicPrefix + long
	for _, c := range []struct{ name, topic, event, id string }{
		{"event", room, long, ""}, {"topic", longTopic, "e", ""}, {"id", room, "e", long},
	} {
		topicJSON := AppendString(nil, c.topic)
		b := Broadcast{Form: FormUserJSON, Event: []byte(c.event), Payload: []byte(`{"a":1}`), ID: c.id}
		first, body := openFrame(t, c.name, b.AppendFrame(nil, V2, Ref{}, c.topic, topicJSON))
		want := string(appendV2Open(nil, Ref{}, Ref{}, topicJSON, EventBroadcast)) + string(b.AppendPayload(nil)) + "]"
		if first != finText || string(body) != want {
			t.Errorf("long %s: %#x %s, want text %s", c.name, first, body, want)
		}
		b.Form = FormUserBinary
		frame := b.AppendFrame(nil, V2, Ref{}, c.topic, topicJSON)
		if c.id == "" && len(frame) > 0 {
			t.Errorf("long %s: bytes were framed as %q", c.name, frame)
		}
		if c.id != "" {
			if _, body := openFrame(t, c.name, frame); body[3] != 0 {
				t.Errorf("a long id was framed as %d bytes of metadata", body[3])
			}
		}
	}
}

func TestFieldsOf255BytesFitABinaryFrame(t *testing.T) {
	topic := TopicPrefix + strings.Repeat("t", MaxBinaryField-len(TopicPrefix))
	b := Broadcast{
		Form: FormUserJSON, Event: bytes.Repeat([]byte("e"), MaxBinaryField), Payload: []byte(`1`),
		ID: strings.Repeat("i", MaxBinaryField-len(`{"id":""}`)),
	}
	first, body := openFrame(t, "full", b.AppendFrame(nil, V2, Ref{}, topic, AppendString(nil, topic)))
	if first != finBinary || !bytes.Equal(body[:5], []byte{4, 255, 255, 255, 1}) || len(body) != 5+3*255+1 {
		t.Errorf("frame %#x of %d bytes begins with %v", first, len(body), body[:5])
	}
}
