package protocol_test

import (
	"encoding/json"
	"errors"
	"strconv"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"realtime/protocol"
	"realtime/protocol/codes"
)

var decodeSeeds = []string{
	`["1","2","realtime:room","broadcast",{"type":"broadcast","event":"e","payload":{"m":1}}]`, `[null,null,null,null,null]`, `[1,2,3]`,
	`{"topic":"realtime:room","event":"phx_join","payload":{},"ref":"1","join_ref":"1"}`, `{"topic":{},"event":"phx_join","payload":{},"ref":[]}`,
	`["a\u0041","\ud800","t\n","e",[[]],{}]`, `{"topic":1,"topic":"x","event":null,"payload":"p","ref":7}`, "[null,\"\xff\",1,2,3]", ` [ 1 , 2 , "t" , "e" , { } ] `,
}

// oracle says whether a text frame can be decoded, by means of encoding/json.
func oracle(v protocol.Version, frame []byte) bool {
	if !utf8.Valid(frame) {
		return false
	}
	var topic, event json.RawMessage
	if v == protocol.V2 {
		var fields []json.RawMessage
		if json.Unmarshal(frame, &fields) != nil || len(fields) < 5 {
			return false
		}
		topic, event = fields[2], fields[3]
	} else {
		var fields map[string]json.RawMessage
		if json.Unmarshal(frame, &fields) != nil || fields == nil {
			return false
		}
		for _, key := range []string{"topic", "event", "payload", "ref"} {
			if _, ok := fields[key]; !ok {
				return false
			}
		}
		topic, event = fields["topic"], fields["event"]
	}
	var name string
	return json.Unmarshal(event, &name) != nil || name != "phx_join" || topic[0] != '{'
}

func FuzzDecodeText(f *testing.F) {
	for _, s := range decodeSeeds {
		f.Add(true, []byte(s))
		f.Add(false, []byte(s))
	}
	f.Fuzz(func(t *testing.T, old bool, frame []byte) {
		v := protocol.V2
		if old {
			v = protocol.V1
		}
		var m protocol.Message
		err := v.Decode(frame, false, &m)
		if want := oracle(v, frame); (err == nil) != want && len(frame) < 128 { // too short to be too deep
			t.Fatalf("version %s: %q: %v, want success: %v", v, frame, err, want)
		}
		checkFault(t, err)
		if err != nil {
			return
		}
		ref, joinRef := m.Ref.AppendJSON(nil), m.JoinRef.AppendJSON(nil)
		for name, value := range map[string][]byte{"payload": m.Payload, "topic": m.TopicJSON, "ref": ref, "join_ref": joinRef} {
			if !protocol.Valid(value) {
				t.Errorf("version %s: %q: %s %q is no JSON", v, frame, name, value)
			}
		}
		// Answering must work whatever the client sent, and keep its ref and topic.
		reply := protocol.AppendReply(nil, v, m.JoinRef, m.Ref, m.TopicJSON, protocol.StatusOK, m.Payload)
		var again protocol.Message
		if err := v.Decode(body(t, reply), false, &again); err != nil || !again.Ref.Equal(m.Ref) || string(again.Topic) != string(m.Topic) {
			t.Errorf("version %s: the reply %q: %v", v, reply, err)
		}
	})
}

func FuzzDecodeBinary(f *testing.F) {
	f.Add([]byte("\x00\x02\x03\x05\x05" + "12" + "123" + "topic" + "event" + "efg"))
	f.Add([]byte("\x03\x02\x03\x05\x0a\x0e\x00" + "12" + "123" + "topic" + "user_event" + `{"store":true}` + "efg"))
	f.Add([]byte("\x03\xc8\x01"))
	f.Fuzz(func(t *testing.T, frame []byte) {
		var m protocol.Message
		err := protocol.V2.Decode(frame, true, &m)
		checkFault(t, err)
		if err != nil {
			return
		}
		event := m.Event
		header := []byte{0, 0, 0, byte(len(m.Topic)), byte(len(event))}
		if m.Kind == protocol.KindUserBroadcast {
			event = m.UserEvent
			header = []byte{3, 0, 0, byte(len(m.Topic)), byte(len(event)), byte(len(m.Meta)), frame[6]}
		}
		header[1], header[2] = frame[1], frame[2]
		refs := frame[len(header) : len(header)+int(frame[1])+int(frame[2])]
		again := append(append(append(append(append(header, refs...), m.Topic...), event...), m.Meta...), m.Payload...)
		if diff := cmp.Diff(again, frame); diff != "" {
			t.Errorf("put together again (-got +want):\n%s", diff)
		}
	})
}

// checkFault asserts that an error of Decode has one of its two codes.
func checkFault(t *testing.T, err error) {
	t.Helper()
	if err == nil {
		return
	}
	fault, ok := errors.AsType[*codes.Fault](err)
	if !ok || fault.Code != codes.MalformedWebSocketMessage && fault.Code != codes.UnknownErrorOnWebSocketMessage {
		t.Errorf("Decode = %v", err)
	}
}

func FuzzParseJoin(f *testing.F) {
	for _, s := range []string{
		`{}`, `{"config":null}`, `{"config":{"private":"TRUE","broadcast":{"self":"x","replay":{"since":1,"limit":2}},"presence":{"enabled":true,"key":["a",98]}}}`,
		`{"config":{"postgres_changes":[{"event":"INSERT","id":3,"schema":"public","select":["a",1]},null,{"filter":1.5e300,"x":[1,2,3,-70000,123456789012345678901]}]}}`,
		`{"config":{"postgres_changes_options":{"wait":1,"timeout":9}},"access_token":"a","user_token":false}`, `{"config":{"presence":{"key":1e400}}}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		j, err := protocol.ParseJoin(payload)
		if err != nil {
			if code := codes.Of(err).Code; code != codes.UnknownErrorOnChannel && code != codes.InvalidJoinPayload {
				t.Errorf("ParseJoin(%q) = %v", payload, err)
			}
			return
		}
		j.Token("")
		if j.Timeout <= 0 || j.Replay != nil && (j.Replay.Limit < 1 || j.Replay.Limit > 25) {
			t.Errorf("%q: timeout %v, replay %+v", payload, j.Timeout, j.Replay)
		}
		response := protocol.AppendJoinResponse(nil, j.Changes)
		var got struct {
			Entries []map[string]json.RawMessage `json:"postgres_changes"`
		}
		if err := json.Unmarshal(response, &got); err != nil || len(got.Entries) != len(j.Changes) {
			t.Fatalf("%q: response %q: %v", payload, response, err)
		}
		ids := map[int64]string{}
		for i, e := range j.Changes {
			if e.ID < 0 || e.ID >= 1<<27 || string(got.Entries[i]["id"]) != strconv.FormatInt(e.ID, 10) {
				t.Errorf("%q: entry %s has the id %d", payload, e.Raw, e.ID)
			}
			canonical := canon(t, e.Raw)
			if other, taken := ids[e.ID]; taken && other != canonical {
				t.Errorf("%q: different entries have the id %d", payload, e.ID)
			}
			ids[e.ID] = canonical
		}
	})
}

// canon is a JSON value's text without differences that mean nothing.
func canon(t *testing.T, raw []byte) string {
	var v any
	if err := json.Unmarshal(raw, &v); err != nil {
		return string(raw) // a number out of range
	}
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func FuzzParsePresence(f *testing.F) {
	for _, s := range []string{`{"type":"presence","event":"TRACK","payload":{"a":1}}`, `{"event":5,"payload":null}`, `[]`, `{"access_token":"x"}`, `{"event":"track",`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		p := protocol.ParsePresence(payload)
		if p.Payload != nil && !protocol.Valid(p.Payload) || !utf8.ValidString(p.Event) || p.EventIsString && !p.HasEvent {
			t.Errorf("ParsePresence(%q) = %+v", payload, p)
		}
		if a := protocol.ParseAccessToken(payload); a.Null && a.Usable || !utf8.ValidString(a.Token) {
			t.Errorf("ParseAccessToken(%q) = %+v", payload, a)
		}
	})
}
