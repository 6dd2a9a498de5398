package protocol

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"
)

// The length in the header is right on both sides of every border between its three forms.
func TestHeaderAtTheBorders(t *testing.T) {
	for _, v := range []Version{V1, V2} {
		around := len(AppendPush(nil, v, nullRef, roomJSON, "e", []byte("[]"))) - 4 // without header and payload
		for _, body := range []int{125, 126, 127, 65535, 65536, 65537} {
			payload := append(append([]byte{'"'}, bytes.Repeat([]byte("x"), body-around-2)...), '"')
			frame := AppendPush([]byte("before"), v, nullRef, roomJSON, "e", payload)[len("before"):]
			if _, got := openFrame(t, v.String(), frame); len(got) != body || !Valid(got) {
				t.Errorf("version %s: %d bytes, want %d", v, len(got), body)
			}
		}
	}
}

func TestLengthsAllowForEscapes(t *testing.T) {
	odd := "a\"\\\n\x00\xff\u00e9"
	topic := AppendString(nil, odd)
	for _, v := range []Version{V1, V2} {
		for name, frame := range map[string][]byte{
			"reply": AppendReply(nil, v, StringRef(odd), StringRef(odd), topic, odd, topic),
			"push":  AppendPush(nil, v, StringRef(odd), topic, odd, topic),
			"close": AppendPhxClose(nil, v, StringRef(odd), topic),
			"error": AppendPhxError(nil, v, StringRef(odd), topic),
		} {
			if _, body := openFrame(t, name, frame); !Valid(body) {
				t.Errorf("version %s: %s %q is no JSON", v, name, body)
			}
		}
	}
}

func TestMissingPartsStillMakeJSON(t *testing.T) {
	for _, v := range []Version{V1, V2} {
		for name, frame := range map[string][]byte{
			"reply": AppendReply(nil, v, nullRef, nullRef, nil, StatusOK, nil),
			"push":  AppendPush(nil, v, nullRef, nil, "e", nil),
		} {
			if _, body := openFrame(t, name, frame); !Valid(body) {
				t.Errorf("version %s: %s %q is no JSON", v, name, body)
			}
		}
	}
}

func TestCloseFrames(t *testing.T) {
	for _, c := range []struct {
		code   uint16
		reason string
		want   string
	}{
		{1012, "", "\x88\x02\x03\xf4"},
		{1001, "going away", "\x88\x0c\x03\xe9going away"},
		{0, "ignored", "\x88\x00"},
	} {
		if got := string(AppendWSClose(nil, c.code, c.reason)); got != c.want {
			t.Errorf("AppendWSClose(%d, %q) = %q, want %q", c.code, c.reason, got, c.want)
		}
	}
	long := AppendWSClose(nil, 1000, strings.Repeat("é", 100)) // 200 bytes
	if _, body := openFrame(t, "close", long); len(body) != 2+122 || !utf8.Valid(body[2:]) {
		t.Errorf("long reason: %d bytes, valid UTF-8: %v; want 124, true", len(body), utf8.Valid(body[2:]))
	}
}

func TestSystemLeavesTheChannelOut(t *testing.T) {
	for channel, want := range map[string]string{
		"":   `{"extension":"system","message":"m","status":"ok"}`,
		`a"`: `{"channel":"a\"","extension":"system","message":"m","status":"ok"}`,
	} {
		if got := string(AppendSystem(nil, "system", "ok", "m", channel)); got != want {
			t.Errorf("AppendSystem(%q) = %s, want %s", channel, got, want)
		}
	}
}

func TestAppendChange(t *testing.T) {
	for _, c := range []struct {
		ids  []int64
		want string
	}{
		{nil, `{"ids":[],"data":{}}`},
		{[]int64{1}, `{"ids":[1],"data":{}}`},
		{[]int64{134217727, 0}, `{"ids":[134217727,0],"data":{}}`},
	} {
		if got := string(AppendChange(nil, c.ids, []byte("{}"))); got != c.want {
			t.Errorf("AppendChange(%v) = %s, want %s", c.ids, got, c.want)
		}
	}
}
