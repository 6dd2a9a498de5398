package protocol

import (
	"strings"
	"testing"
)

// The hot path's allocations are part of its contract: none to decode, the frame to encode.
func TestDecodeDoesNotAllocate(t *testing.T) {
	v1, v2 := textFrame(V1, 250), textFrame(V2, 250)
	user := userFrame("move", encodingJSON, []byte(`{"x":1}`))
	var m Message
	for name, decode := range map[string]func() error{
		"version 1": func() error { return V1.Decode(v1, false, &m) },
		"version 2": func() error { return V2.Decode(v2, false, &m) },
		"kind 3":    func() error { return V2.Decode(user, true, &m) },
	} {
		if got := testing.AllocsPerRun(200, func() {
			if err := decode(); err != nil {
				t.Fatal(err)
			}
		}); got != 0 {
			t.Errorf("%s: %v allocations, want 0", name, got)
		}
	}
}

func TestEncodeBroadcastAllocatesTheFrame(t *testing.T) {
	for name, m := range map[string]*Message{
		"text":           textMessage(t, `{"a":"`+strings.Repeat("x", 200)+`"}`),
		"large text":     textMessage(t, `{"a":"`+strings.Repeat("x", 100_000)+`"}`),
		"kind 3, json":   userMessage(t, "move", 1, `{"a":1}`),
		"kind 3, binary": userMessage(t, "move", 0, "\x00\x01"),
	} {
		for _, v := range []Version{V1, V2} {
			want := 1.0
			if m.Binary && v == V1 {
				want = 2 // no frame: the event and the payload are copied
			}
			if got := testing.AllocsPerRun(200, func() {
				if _, _, err := EncodeBroadcast(v, m, room, roomJSON); err != nil {
					t.Fatal(err)
				}
			}); got != want {
				t.Errorf("%s, version %s: %v allocations, want %v", name, v, got, want)
			}
		}
	}
}

func TestAppendingDoesNotAllocate(t *testing.T) {
	dst := make([]byte, 0, 4096)
	b := Broadcast{Form: FormUserJSON, Event: []byte("e"), Payload: []byte(`{"a":1}`), ID: "22222222-2222-4222-8222-222222222222"}
	joinRef := StringRef("1")
	for _, v := range []Version{V1, V2} {
		if got := testing.AllocsPerRun(200, func() {
			out := AppendReply(dst, v, joinRef, joinRef, roomJSON, StatusOK, nil)
			out = AppendPush(out, v, joinRef, roomJSON, EventPresenceDiff, EmptyObject)
			out = b.AppendFrame(out, v, Ref{}, room, roomJSON)
			out = AppendPhxClose(out, v, joinRef, roomJSON)
			AppendWSClose(out, 1012, "restart")
		}); got != 0 {
			t.Errorf("version %s: %v allocations, want 0", v, got)
		}
	}
}
