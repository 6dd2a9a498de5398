package protocol

import (
	"bytes"

	"realtime/protocol/codes"
)

// Kind is the form in which a client sent a message.
type Kind uint8

// The kinds.
const (
	KindText          Kind = iota // a text frame
	KindPush                      // a binary frame of kind 0
	KindUserBroadcast             // a binary frame of kind 3
)

// Message is one decoded client frame. Its slices alias the frame (strings with escapes are decoded into fresh memory),
// so it lives as long as the frame's buffer and what outlives that must be cloned.
type Message struct {
	Kind         Kind
	JoinRef, Ref Ref
	Topic        []byte // decoded; nil when the JSON value is not a string
	TopicJSON    []byte // the topic as sent, for echoing odd ones; nil for binary frames
	Event        []byte // decoded; nil when the JSON value is not a string; "broadcast" for KindUserBroadcast
	Payload      []byte // KindText: a valid JSON value. KindPush: raw bytes. KindUserBroadcast: the user's payload
	UserEvent    []byte // KindUserBroadcast only; any bytes
	Meta         []byte // KindUserBroadcast: the metadata, valid JSON, or nil
	Binary       bool   // KindUserBroadcast: the payload is bytes; otherwise it claims to be JSON, unchecked
}

// Ref is a ref or join_ref: any JSON value, or a plain string from a binary frame. The zero Ref is null.
type Ref struct {
	raw   []byte // JSON text; the string itself if plain
	plain bool
}

// StringRef returns the ref "s".
func StringRef(s string) Ref { return Ref{raw: []byte(s), plain: true} }

// IsNull tells whether the ref is null or was absent.
func (r Ref) IsNull() bool { return !r.plain && (len(r.raw) == 0 || string(r.raw) == "null") }

// AppendJSON appends the ref as JSON, with the type and the text that the client gave it.
func (r Ref) AppendJSON(dst []byte) []byte {
	switch {
	case r.plain:
		return AppendString(dst, view(r.raw))
	case len(r.raw) == 0:
		return append(dst, "null"...)
	default:
		return append(dst, r.raw...)
	}
}

// jsonLen returns how many bytes AppendJSON appends.
func (r Ref) jsonLen() int {
	switch {
	case r.plain:
		return quotedLen(view(r.raw))
	case len(r.raw) == 0:
		return len("null")
	default:
		return len(r.raw)
	}
}

// Equal compares strings by what they say and everything else by its text: the plain string 1 equals the JSON "1" but
// not the JSON 1.
func (r Ref) Equal(o Ref) bool {
	if r.IsNull() || o.IsNull() {
		return r.IsNull() && o.IsNull()
	}
	a, isString := r.text()
	b, wantString := o.text()
	return isString == wantString && bytes.Equal(a, b)
}

// text returns the decoded string, or the raw text of a ref that is none.
func (r Ref) text() (s []byte, isString bool) {
	if r.plain {
		return r.raw, true
	}
	if s := decodeString(r.raw); s != nil {
		return s, true
	}
	return r.raw, false
}

// Clone returns a ref that owns its bytes, for keeping beyond the life of the frame.
func (r Ref) Clone() Ref { return Ref{raw: bytes.Clone(r.raw), plain: r.plain} }

// The faults of frames that cannot be decoded (never answered, never fatal). They name no part of the frame: it may hold
// a token.
var (
	errNotJSON     = codes.New(codes.MalformedWebSocketMessage, "the frame is not valid JSON in UTF-8, or nested deeper than 128 levels")
	errNotArray    = codes.New(codes.MalformedWebSocketMessage, "the frame is not a JSON array of at least five elements")
	errNotObject   = codes.New(codes.UnknownErrorOnWebSocketMessage, "the frame is not a JSON object")
	errMeta        = codes.New(codes.MalformedWebSocketMessage, "the metadata of the binary frame is not valid JSON")
	errKind        = codes.New(codes.UnknownErrorOnWebSocketMessage, "the binary frame is empty or of a kind that clients do not send")
	errShort       = codes.New(codes.UnknownErrorOnWebSocketMessage, "the lengths in the binary frame run past its end")
	errObjectTopic = codes.New(codes.UnknownErrorOnWebSocketMessage, "the topic of a join is an object")
)

// finish fills the decoded fields of a text message from the raw ones.
func (m *Message) finish(event []byte) error {
	m.Topic, m.Event = decodeString(m.TopicJSON), decodeString(event)
	if string(m.Event) == EventJoin && m.TopicJSON[0] == '{' {
		return errObjectTopic
	}
	return nil
}
