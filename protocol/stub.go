package protocol

import (
	"time"
)

type Version uint8

const (
	V1 Version = 1
	V2 Version = 2
)

func ParseVersion(vsn string) (Version, bool) { return V1, true }

type Ref struct{ raw string }

func StringRef(s string) Ref               { return Ref{} }
func (r Ref) IsNull() bool                 { return r.raw == "" }
func (r Ref) AppendJSON(dst []byte) []byte { return dst }
func (r Ref) Equal(o Ref) bool             { return r == o }
func (r Ref) Clone() Ref                   { return r }

type Kind uint8

const (
	KindText Kind = iota
	KindPush
	KindUserBroadcast
)

type Message struct {
	Kind         Kind
	JoinRef, Ref Ref
	Topic        []byte
	TopicJSON    []byte
	Event        []byte
	Payload      []byte
	UserEvent    []byte
	Meta         []byte
	Binary       bool
}

func (v Version) Decode(frame []byte, binary bool, m *Message) error { return nil }

const (
	EventJoin            = "phx_join"
	EventLeave           = "phx_leave"
	EventReply           = "phx_reply"
	EventClose           = "phx_close"
	EventError           = "phx_error"
	EventHeartbeat       = "heartbeat"
	EventAccessToken     = "access_token"
	EventBroadcast       = "broadcast"
	EventPresence        = "presence"
	EventPresenceState   = "presence_state"
	EventPresenceDiff    = "presence_diff"
	EventPostgresChanges = "postgres_changes"
	EventSystem          = "system"
	TopicPhoenix         = "phoenix"
	TopicPrefix          = "realtime:"
)

func AppendReply(dst []byte, v Version, joinRef, ref Ref, topicJSON []byte, status string, response []byte) []byte {
	return dst
}
func AppendPush(dst []byte, v Version, joinRef Ref, topicJSON []byte, event string, payload []byte) []byte {
	return dst
}
func AppendPhxClose(dst []byte, v Version, joinRef Ref, topicJSON []byte) []byte { return dst }
func AppendPhxError(dst []byte, v Version, joinRef Ref, topicJSON []byte) []byte { return dst }
func AppendWSClose(dst []byte, code uint16, reason string) []byte                { return dst }
func AppendString(dst []byte, s string) []byte                                   { return dst }
func AppendSystem(dst []byte, extension, status, message, channel string) []byte { return dst }
func AppendReason(dst []byte, reason string) []byte                              { return dst }
func AppendChange(dst []byte, ids []int64, data []byte) []byte                   { return dst }

var EmptyObject = []byte("{}")

type Form uint8

const (
	FormPayload Form = iota
	FormUserJSON
	FormUserBinary
)

type Broadcast struct {
	Form           Form
	Event, Payload []byte
	ID             string
	Replayed       bool
}

func (b *Broadcast) AppendFrame(dst []byte, v Version, joinRef Ref, topic string, topicJSON []byte) []byte {
	return dst
}
func EncodeBroadcast(v Version, m *Message, topic string, topicJSON []byte) (frame []byte, b Broadcast, err error) {
	return nil, Broadcast{}, nil
}

type Join struct {
	Legacy                      bool
	Private                     bool
	Self, Ack, ReplicationReady bool
	Replay                      *Replay
	PresenceEnabled             bool
	PresenceKey                 string
	Changes                     []ChangeEntry
	Wait                        bool
	Timeout                     time.Duration
	AccessToken, UserToken      *string
	Problems                    []string
}
type Replay struct {
	SinceMillis int64
	Limit       int
	Err         error
}
type ChangeEntry struct {
	Raw                          []byte
	ID                           int64
	Event, Schema, Table, Filter *string
	BadType                      []string
	Select                       []string
	HasSelect                    bool
	SelectIsString               bool
}

func ParseJoin(payload []byte) (*Join, error)                     { return &Join{}, nil }
func LegacyEntry(sub string) ChangeEntry                          { return ChangeEntry{} }
func (j *Join) Token(connToken string) string                     { return connToken }
func AppendJoinResponse(dst []byte, entries []ChangeEntry) []byte { return dst }

type PresencePush struct {
	Event                   string
	EventIsString, HasEvent bool
	Payload                 []byte
	IsObject                bool
}

func ParsePresence(payload []byte) PresencePush { return PresencePush{} }

type AccessTokenPush struct {
	Token        string
	Null, Usable bool
}

func ParseAccessToken(payload []byte) AccessTokenPush { return AccessTokenPush{} }

func Valid(b []byte) bool                                     { return false }
func Object(b []byte, each func(key, value []byte) bool) bool { return false }
func Array(b []byte, each func(value []byte) bool) bool       { return false }
func StringValue(b []byte) (string, bool)                     { return "", false }
