package protocol

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"realtime/protocol/codes"
)

var compareRefs = cmp.Comparer(func(a, b Ref) bool { return a.Equal(b) && a.IsNull() == b.IsNull() })

func TestDecodeText(t *testing.T) {
	for _, c := range []struct {
		name  string
		v     Version
		frame string
		want  Message
	}{
		{
			"version 1", V1, `{"topic":"realtime:room","event":"phx_join","payload":{},"ref":"1","join_ref":"2"}`,
			Message{
				JoinRef: StringRef("2"), Ref: StringRef("1"), Topic: []byte("realtime:room"), TopicJSON: []byte(`"realtime:room"`),
				Event: []byte("phx_join"), Payload: []byte(`{}`),
			},
		},
		{
			"nulls are values, other keys are nothing, the last of a key counts", V1,
			`{"x":[1],"topic":1,"topic":null,"event":null,"payload":null,"ref":null}`,
			Message{TopicJSON: []byte("null"), Payload: []byte("null")},
		},
		{
			"escaped keys and values", V1, ` {"\u0074opic":"a\u0062\n","event":"e","payload":"p","ref":7} `,
			Message{
				Ref: Ref{raw: []byte("7")}, Topic: []byte("ab\n"), TopicJSON: []byte(`"a\u0062\n"`), Event: []byte("e"), Payload: []byte(`"p"`),
			},
		},
		{
			"version 2", V2, ` ["1" , "2","realtime:room","broadcast", { "a" : [1] } ] `,
			Message{
				JoinRef: StringRef("1"), Ref: StringRef("2"), Topic: []byte("realtime:room"), TopicJSON: []byte(`"realtime:room"`),
				Event: []byte("broadcast"), Payload: []byte(`{ "a" : [1] }`),
			},
		},
		{
			"more elements than needed", V2, `[null,"ok","phoenix","heartbeat",{},"extra",1]`,
			Message{Ref: StringRef("ok"), Topic: []byte("phoenix"), TopicJSON: []byte(`"phoenix"`), Event: []byte("heartbeat"), Payload: []byte(`{}`)},
		},
		{
			"odd topic and event", V2, `["3","6",{"a":1},5,{}]`,
			Message{JoinRef: StringRef("3"), Ref: StringRef("6"), TopicJSON: []byte(`{"a":1}`), Payload: []byte(`{}`)},
		},
		{
			"empty topic", V2, `[null,null,"","",null]`,
			Message{Topic: []byte{}, TopicJSON: []byte(`""`), Event: []byte{}, Payload: []byte(`null`)},
		},
	} {
		var got Message
		if err := c.v.Decode([]byte(c.frame), false, &got); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if diff := cmp.Diff(got, c.want, compareRefs); diff != "" {
			t.Errorf("%s (-got +want):\n%s", c.name, diff)
		}
	}
}

func TestVersion1DoesNotLookAtTheOpcode(t *testing.T) {
	var m Message
	err := V1.Decode([]byte(`{"topic":"phoenix","event":"heartbeat","payload":{},"ref":"1"}`), true, &m)
	if err != nil || string(m.Event) != "heartbeat" || m.Kind != KindText {
		t.Errorf("Decode = %v, %+v", err, m)
	}
}

// The binary frames of upstream's serializer tests and of the example in its documentation, byte for byte.
func TestDecodeBinaryVectors(t *testing.T) {
	for _, c := range []struct {
		name, frame string
		want        Message
	}{
		{
			"kind 0", "\x00\x02\x03\x05\x05" + "12" + "123" + "topic" + "event" + "\x65\x66\x67",
			Message{Kind: KindPush, JoinRef: StringRef("12"), Ref: StringRef("123"), Topic: []byte("topic"), Event: []byte("event"), Payload: []byte("efg")},
		},
		{
			"kind 3, bytes", "\x03\x02\x03\x05\x0a\x00\x00" + "12" + "123" + "topic" + "user_event" + "\x65\x66\x67",
			Message{
				Kind: KindUserBroadcast, JoinRef: StringRef("12"), Ref: StringRef("123"), Topic: []byte("topic"), Event: []byte("broadcast"),
				UserEvent: []byte("user_event"), Payload: []byte("efg"), Binary: true,
			},
		},
		{
			"kind 3, bytes, metadata", "\x03\x02\x03\x05\x0a\x0e\x00" + "12" + "123" + "topic" + "user_event" + `{"store":true}` + "\x65\x66\x67",
			Message{
				Kind: KindUserBroadcast, JoinRef: StringRef("12"), Ref: StringRef("123"), Topic: []byte("topic"), Event: []byte("broadcast"),
				UserEvent: []byte("user_event"), Meta: []byte(`{"store":true}`), Payload: []byte("efg"), Binary: true,
			},
		},
		{
			"kind 3, json", "\x03\x02\x03\x05\x0a\x00\x01" + "12" + "123" + "topic" + "user_event" + "\x7b\x22\x61\x22\x3a\x22\x62\x22\x7d",
			Message{
				Kind: KindUserBroadcast, JoinRef: StringRef("12"), Ref: StringRef("123"), Topic: []byte("topic"), Event: []byte("broadcast"),
				UserEvent: []byte("user_event"), Payload: []byte(`{"a":"b"}`),
			},
		},
		{
			"kind 3, any other encoding is json", "\x03\x00\x00\x01\x00\x00\x07t{}",
			Message{
				Kind: KindUserBroadcast, JoinRef: StringRef(""), Ref: StringRef(""), Topic: []byte("t"), Event: []byte("broadcast"),
				UserEvent: []byte{}, Payload: []byte(`{}`),
			},
		},
		{
			"documented example", "\x03\x01\x01\x0a\x01\x00\x01\x31\x32\x72\x65\x61\x6c\x74\x69\x6d\x65\x3a\x61\x65\x7b\x22\x6d\x22\x3a\x31\x7d",
			Message{
				Kind: KindUserBroadcast, JoinRef: StringRef("1"), Ref: StringRef("2"), Topic: []byte("realtime:a"), Event: []byte("broadcast"),
				UserEvent: []byte("e"), Payload: []byte(`{"m":1}`),
			},
		},
		{
			"nothing but a header", "\x00\x00\x00\x00\x00",
			Message{Kind: KindPush, JoinRef: StringRef(""), Ref: StringRef(""), Topic: []byte{}, Event: []byte{}, Payload: []byte{}},
		},
	} {
		var got Message
		if err := V2.Decode([]byte(c.frame), true, &got); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if diff := cmp.Diff(got, c.want, compareRefs); diff != "" {
			t.Errorf("%s (-got +want):\n%s", c.name, diff)
		}
	}
}

func TestUndecodableFrames(t *testing.T) {
	const malformed, unknown = codes.MalformedWebSocketMessage, codes.UnknownErrorOnWebSocketMessage
	for _, c := range []struct {
		v      Version
		binary bool
		frame  string
		want   codes.Code
	}{
		{V2, false, ``, malformed},
		{V2, false, `not json`, malformed},
		{V2, false, "[null,null,\"\xff\",\"e\",{}]", malformed},
		{V2, false, `{"topic":"t","event":"e","payload":{},"ref":"1"}`, malformed},
		{V2, false, `[1,2,3]`, malformed},
		{V2, false, `["1","2","t","e"]`, malformed},
		{V2, false, `["1","2","t","e",{}] x`, malformed},
		{V2, false, `["1","2","t","e",{broken]`, malformed},
		{V2, false, `"str"`, malformed},
		{V2, false, `null`, malformed},
		{V2, false, `5`, malformed},
		{V2, true, ``, unknown},
		{V2, true, "\x09\x01\x02", unknown},
		{V2, true, "\x01\x00\x00\x00\x00", unknown},
		{V2, true, "\x02\x00\x00", unknown},
		{V2, true, "\x04\x00\x00\x00\x00", unknown},
		{V2, true, "\x03\xc8\x01", unknown},
		{V2, true, "\x03\x00\x00\x05\x00\x00\x00topi", unknown},
		{V2, true, "\x00\x00\x00\x00", unknown},
		{V2, true, "\x03\x00\x00\x00\x00\x04\x00{bad", malformed},
		{V2, true, "\x03\x00\x00\x00\x00\x03\x00\"\xff\"", malformed},
		{V1, false, `{"topic":"phoenix","event":"heartbeat","payload":{}}`, malformed},
		{V1, false, `{"event":"e","payload":{},"ref":"1"}`, malformed},
		{V1, false, `{}`, malformed},
		{V1, false, `[1,2,3,4,5]`, unknown},
		{V1, false, `"str"`, unknown},
		{V1, false, `null`, unknown},
		{V1, false, `5`, unknown},
		{V1, false, `nope`, malformed},
		{V1, false, ``, malformed},
		{V1, true, "\x00\x01\x02", malformed},
		{V1, false, "{\"topic\":\"\xff\",\"event\":\"e\",\"payload\":{},\"ref\":null}", malformed},
		{V2, false, `["3","6",{"a":1},"phx_join",{}]`, unknown},
		{V1, false, `{"topic":{"a":1},"event":"phx_join","payload":{},"ref":"1"}`, unknown},
	} {
		var m Message
		err := c.v.Decode([]byte(c.frame), c.binary, &m)
		fault, ok := errors.AsType[*codes.Fault](err)
		if !ok || fault.Code != c.want {
			t.Errorf("version %s, binary %v: %q: %v, want %s", c.v, c.binary, c.frame, err, c.want)
		}
	}
}

func TestMissingKeyIsNamed(t *testing.T) {
	var m Message
	err := V1.Decode([]byte(`{"topic":"phoenix","event":"heartbeat","payload":{}}`), false, &m)
	if got, want := codes.Of(err).Reason(), `MalformedWebSocketMessage: missing key "ref"`; got != want {
		t.Errorf("Reason() = %q, want %q", got, want)
	}
}

func TestRefIsEchoedAsItCame(t *testing.T) {
	for _, raw := range []string{`"1"`, `1`, `null`, `1.50`, `"\u0031"`, `[1, 2]`, `{"a":null}`, `true`, `""`} {
		var m Message
		if err := V2.Decode([]byte(`[null,`+raw+`,"t","e",{}]`), false, &m); err != nil {
			t.Fatal(err)
		}
		if got := string(m.Ref.AppendJSON(nil)); got != raw || len(got) != m.Ref.jsonLen() {
			t.Errorf("ref %s is echoed as %s (length %d)", raw, got, m.Ref.jsonLen())
		}
		if c := m.Ref.Clone(); !c.Equal(m.Ref) || string(c.AppendJSON(nil)) != raw {
			t.Errorf("ref %s: its clone is %s", raw, c.AppendJSON(nil))
		}
	}
	if got := string(StringRef(`a"`).AppendJSON(nil)); got != `"a\""` {
		t.Errorf("plain ref is echoed as %s", got)
	}
	if got := string(StringRef("").AppendJSON(nil)); got != `""` {
		t.Errorf("empty plain ref is echoed as %s", got)
	}
}

func TestRefsAreEqualByWhatTheySay(t *testing.T) {
	raw := func(s string) Ref { return Ref{raw: []byte(s)} }
	for _, c := range []struct {
		a, b Ref
		want bool
	}{
		{StringRef("1"), raw(`"1"`), true},
		{raw(`"\u0031"`), raw(`"1"`), true},
		{StringRef("1"), raw(`1`), false},
		{raw(`1`), raw(`1`), true},
		{Ref{}, raw(`null`), true},
		{Ref{}, StringRef(""), false},
		{StringRef("null"), raw(`null`), false},
		{raw(`"null"`), StringRef("null"), true},
		{StringRef(""), raw(`""`), true},
	} {
		if got := c.a.Equal(c.b); got != c.want || c.b.Equal(c.a) != got {
			t.Errorf("%s equals %s: %v, want %v", c.a.AppendJSON(nil), c.b.AppendJSON(nil), got, c.want)
		}
	}
}

func TestCloneOwnsItsBytes(t *testing.T) {
	frame := []byte(`["join","ref","t","e",{}]`)
	var m Message
	if err := V2.Decode(frame, false, &m); err != nil {
		t.Fatal(err)
	}
	ref := m.JoinRef.Clone()
	clear(frame)
	if got := string(ref.AppendJSON(nil)); got != `"join"` {
		t.Errorf("the clone became %q", got)
	}
}

func TestParseVersion(t *testing.T) {
	for vsn, want := range map[string]Version{
		"": V1, "1.0.0": V1, "1.0.7": V1, "2.0.0": V2, "2.0.9": V2, "2.0.10": V2,
		"2": 0, "2.0": 0, "2.0.": 0, "2.1.0": 0, "3.0.0": 0, "abc": 0, "1.0.x": 0, "1.0.01": 0, "2.0.0 ": 0, "1.0.-1": 0,
	} {
		if got, ok := ParseVersion(vsn); got != want || ok != (want != 0) {
			if want != 0 || ok {
				t.Errorf("ParseVersion(%q) = %v, %v; want %v", vsn, got, ok, want)
			}
		}
	}
}

func TestSubtopic(t *testing.T) {
	for topic, want := range map[string]string{"realtime:a:b": "a:b", "realtime:": ""} {
		if got, ok := Subtopic(topic); !ok || got != want {
			t.Errorf("Subtopic(%s) = %q, %v; want %q", topic, got, ok, want)
		}
	}
	for _, topic := range []string{"", "phoenix", "realtime", "Realtime:room"} {
		if got, ok := Subtopic(topic); ok {
			t.Errorf("Subtopic(%s) = %q", topic, got)
		}
	}
}
