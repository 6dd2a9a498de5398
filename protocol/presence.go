package protocol

import "strings"

// The events inside a presence message.
const (
	PresenceTrack   = "track"
	PresenceUntrack = "untrack"
)

// PresencePush is the payload of a presence message.
type PresencePush struct {
	Event         string // lower-cased: track, untrack or something unknown; "" if absent or no string
	EventIsString bool
	HasEvent      bool   // without it the message does nothing and is answered ok
	Payload       []byte // the JSON value to track, aliasing the message; nil if absent, which counts as {}
	IsObject      bool   // Payload is an object, or absent
}

// ParsePresence reads the payload of a presence message. Whatever is not a JSON object, like the raw bytes of a binary
// push, is like {}.
func ParsePresence(payload []byte) PresencePush {
	p := PresencePush{IsObject: true}
	if !Valid(payload) {
		return p
	}
	Object(payload, func(key, value []byte) bool {
		switch string(key) {
		case "event":
			event := decodeString(value)
			p.HasEvent, p.EventIsString = true, event != nil
			p.Event = lowerASCII(string(event))
		case "payload":
			p.Payload = value
		}
		return true
	})
	p.IsObject = p.Payload == nil || p.Payload[0] == '{'
	return p
}

// lowerASCII lowers the letters A to Z and nothing else: an event's name is compared as bytes, not as a word of some
// language.
func lowerASCII(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}

// AccessTokenPush is the payload of an access_token message.
type AccessTokenPush struct {
	Token  string
	Null   bool // the token is null: nothing is to happen
	Usable bool // the token is a string, the empty one included; if neither, the message is one unknown event
}

// ParseAccessToken reads the payload of an access_token message. Whatever is not a JSON object is like {}.
func ParseAccessToken(payload []byte) AccessTokenPush {
	var p AccessTokenPush
	if !Valid(payload) {
		return p
	}
	Object(payload, func(key, value []byte) bool {
		if string(key) == "access_token" {
			token := decodeString(value)
			p = AccessTokenPush{Token: string(token), Null: string(value) == "null", Usable: token != nil}
		}
		return true
	})
	return p
}
