package protocol

// The events of a channel. phx_ is Phoenix's own prefix.
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
)

// The two values of status in a phx_reply.
const (
	StatusOK    = "ok"
	StatusError = "error"
)

// ReasonUnmatchedTopic answers any event of a topic that the socket has not joined, and joins outside [TopicPrefix].
const ReasonUnmatchedTopic = "unmatched topic"

// EmptyObject is the payload of a phx_close and of most replies. It must not be written to.
var EmptyObject = []byte("{}")
