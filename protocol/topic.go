package protocol

import "strings"

const (
	// TopicPhoenix is the topic of heartbeats.
	TopicPhoenix = "phoenix"
	// TopicPrefix begins the topic of every channel.
	TopicPrefix = "realtime:"
)

// MaxBinaryField is the longest topic, event or metadata, in bytes, that a binary frame can carry.
const MaxBinaryField = 255

// Subtopic returns what follows [TopicPrefix]: the name that policies, the REST API and system messages use. It may be
// empty, which a join refuses with TopicNameRequired; ok is false for a topic that is no channel's.
func Subtopic(topic string) (sub string, ok bool) { return strings.CutPrefix(topic, TopicPrefix) }
