package protocol

import (
	"strconv"
	"strings"
	"time"

	"realtime/protocol/codes"
)

// How long a join that asks for it waits for its subscription, in whole milliseconds on the wire.
const (
	defaultWait = 15 * time.Second
	maxWait     = 20 * time.Second
)

// Join is the payload of a phx_join, with every field at its default where the client's value was absent or unusable. It
// owns its memory.
type Join struct {
	Legacy           bool // there was no key "config": changes are derived from the topic, see [LegacyEntry]
	Private          bool
	Self, Ack        bool
	ReplicationReady bool
	Replay           *Replay // nil if absent or null
	PresenceEnabled  bool
	PresenceKey      string        // "" asks for a UUID
	Changes          []ChangeEntry // nulls dropped, order and doubles kept; empty for legacy joins
	Wait             bool          // hold the reply until the subscription is made
	Timeout          time.Duration // for that long: above 0, at most 20 s
	AccessToken      *string       // nil if absent or no string
	UserToken        *string       // the older name
	Problems         []string      // one line for each field that had a value of the wrong type; they hold no value
}

// Token returns the token that a channel uses: its own if the join brought one, else that of the connection. Opaque API
// keys (sb_…) are no tokens.
func (j *Join) Token(connToken string) string {
	first := j.AccessToken
	if first == nil {
		first = j.UserToken
	}
	switch {
	case first == nil || IsAPIKey(*first):
		return connToken
	case j.UserToken != nil:
		return *j.UserToken
	default:
		return *first
	}
}

// IsAPIKey tells whether token is one of the opaque keys that gateways exchange for a JWT.
func IsAPIKey(token string) bool { return strings.HasPrefix(token, "sb_") }

// ParseJoin reads the payload of a phx_join. Fields that cannot be read keep their default and are named in Problems.
// It fails, with a *codes.Fault, only where a default would betray the client: the payload, config or config.broadcast is
// of the wrong type, an entry of postgres_changes is no object (UnknownErrorOnChannel); there are more than 10,000 of them,
// or config.private is neither true nor false, which must never end in a public channel (InvalidJoinPayload).
func ParseJoin(payload []byte) (*Join, error) {
	payload = payload[space(payload, 0):]
	if !Valid(payload) || payload[0] != '{' {
		return nil, codes.New(codes.UnknownErrorOnChannel, "the payload of a join must be an object")
	}
	j := &Join{Legacy: true, Timeout: defaultWait}
	var config, access, user []byte
	pick(payload, member{"config", &config}, member{"access_token", &access}, member{"user_token", &user})
	j.AccessToken, j.UserToken = optionalString(access), optionalString(user)
	if config == nil {
		return j, nil
	}
	j.Legacy = false
	if err := j.config(config); err != nil {
		return nil, err
	}
	return j, nil
}

// config reads the value of "config", which is there but may be null.
func (j *Join) config(raw []byte) error {
	if isNull(raw) {
		return nil
	}
	if raw[0] != '{' {
		return codes.New(codes.UnknownErrorOnChannel, "config must be an object")
	}
	var private, broadcast, presence, changes, options []byte
	pick(raw, member{"private", &private}, member{"broadcast", &broadcast}, member{"presence", &presence},
		member{"postgres_changes", &changes}, member{"postgres_changes_options", &options})
	var ok bool
	if j.Private, ok = flexibleBool(private); !ok {
		return codes.New(codes.InvalidJoinPayload, "config.private must be true or false")
	}
	if !isNull(broadcast) && broadcast[0] != '{' {
		return codes.New(codes.UnknownErrorOnChannel, "config.broadcast must be an object")
	}
	j.broadcast(broadcast)
	j.presence(presence)
	j.options(options)
	return j.changes(changes)
}

func (j *Join) broadcast(raw []byte) {
	var self, ack, ready, replay []byte
	pick(raw, member{"self", &self}, member{"ack", &ack}, member{"replication_ready", &ready}, member{"replay", &replay})
	j.Self = j.flexible(self, "config.broadcast.self")
	j.Ack = j.flexible(ack, "config.broadcast.ack")
	j.ReplicationReady = !isNull(ready) && string(ready) != "false" // anything else opts in, "false" and 0 too
	switch {
	case isNull(replay):
	case replay[0] != '{':
		j.problem("config.broadcast.replay", "a map")
	default:
		j.Replay = parseReplay(replay)
	}
}

func (j *Join) presence(raw []byte) {
	if isNull(raw) {
		return
	}
	if raw[0] != '{' {
		j.problem("config.presence", "a map")
		return
	}
	var enabled, key []byte
	pick(raw, member{"enabled", &enabled}, member{"key", &key})
	// Clients from before there was `enabled`, realtime-js 2.11 for one, always send a key and expect presence.
	j.PresenceEnabled = j.flexible(enabled, "config.presence.enabled") || enabled == nil && key != nil
	var ok bool
	if j.PresenceKey, ok = presenceKey(key); !ok {
		j.problem("config.presence.key", "string")
	}
}

func (j *Join) options(raw []byte) {
	if isNull(raw) {
		return
	}
	if raw[0] != '{' {
		j.problem("config.postgres_changes_options", "a map")
		return
	}
	var wait, timeout []byte
	pick(raw, member{"wait", &wait}, member{"timeout", &timeout})
	j.Wait = j.flexible(wait, "config.postgres_changes_options.wait")
	if isNull(timeout) {
		return
	}
	n, ok := integer(timeout)
	if !ok || n <= 0 {
		j.problem("config.postgres_changes_options.timeout", "integer above 0")
		return
	}
	j.Timeout = time.Duration(min(n, maxWait.Milliseconds())) * time.Millisecond
}

func (j *Join) changes(raw []byte) error {
	if isNull(raw) {
		return nil
	}
	var fault *codes.Fault
	isArray := Array(raw, func(entry []byte) bool {
		switch {
		case isNull(entry):
		case entry[0] != '{':
			fault = codes.New(codes.UnknownErrorOnChannel, "every entry of config.postgres_changes must be an object")
		case len(j.Changes) == maxEntries:
			fault = codes.New(codes.InvalidJoinPayload, "config.postgres_changes has more than %d entries", maxEntries)
		default:
			j.Changes = append(j.Changes, parseEntry(entry))
		}
		return fault == nil
	})
	if fault != nil {
		return fault
	}
	if !isArray {
		j.problem("config.postgres_changes", "an array of maps")
	}
	assignIDs(j.Changes)
	return nil
}

// flexible reads a flexible boolean, with false for what is none.
func (j *Join) flexible(raw []byte, path string) bool {
	v, ok := flexibleBool(raw)
	if !ok {
		j.problem(path, "boolean")
	}
	return v
}

func (j *Join) problem(path, want string) {
	j.Problems = append(j.Problems, path+": unable to parse, expected "+want)
}

// Replay asks for stored messages of a private channel.
type Replay struct {
	SinceMillis int64 // Unix time; 0, everything that is kept, if absent
	Limit       int   // 1 to 25
	Err         error // *codes.Fault UnableToReplayMessages if the parameters are of no use
}

const maxReplay = 25

// The times that a replay may begin at: the years 0 to 9999, in Unix milliseconds.
const (
	minSince = -62_167_219_200_000
	maxSince = 253_402_300_799_999
)

func parseReplay(raw []byte) *Replay {
	var since, limit []byte
	pick(raw, member{"since", &since}, member{"limit", &limit})
	r := &Replay{Limit: maxReplay}
	sinceOK, limitOK := true, true
	if !isNull(since) {
		r.SinceMillis, sinceOK = integer(since)
		sinceOK = sinceOK && r.SinceMillis >= minSince && r.SinceMillis <= maxSince
	}
	if !isNull(limit) {
		var n int64
		n, limitOK = integer(limit)
		r.Limit = int(max(1, min(n, maxReplay)))
	}
	if !sinceOK || !limitOK {
		r.Err = codes.New(codes.UnableToReplayMessages, "Replay params are not valid")
	}
	return r
}

// integer reads a JSON number without fraction and exponent that fits 64 bits.
func integer(raw []byte) (n int64, ok bool) {
	n, err := strconv.ParseInt(string(raw), 10, 64)
	return n, err == nil && raw[0] != '+'
}
