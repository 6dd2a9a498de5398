package protocol

// The extensions of a system message: who speaks.
const (
	ExtensionSystem          = "system"
	ExtensionPostgresChanges = "postgres_changes"
)

// Texts of system messages that are not an error of someone's.
const (
	MessageSubscribed             = "Subscribed to PostgreSQL"
	MessageReplicationEstablished = "Replication connection established"
	MessageDisconnect             = "Server requested disconnect"
)

// AppendSystem appends the payload of a system message. channel is the topic without its prefix; "" leaves the key out.
func AppendSystem(dst []byte, extension, status, message, channel string) []byte {
	dst = append(dst, '{')
	if channel != "" {
		dst = append(dst, `"channel":`...)
		dst = AppendString(dst, channel)
		dst = append(dst, ',')
	}
	dst = append(dst, `"extension":`...)
	dst = AppendString(dst, extension)
	dst = append(dst, `,"message":`...)
	dst = AppendString(dst, message)
	dst = append(dst, `,"status":`...)
	dst = AppendString(dst, status)
	return append(dst, '}')
}

// AppendReason appends the response of an error reply.
func AppendReason(dst []byte, reason string) []byte {
	dst = append(dst, `{"reason":`...)
	dst = AppendString(dst, reason)
	return append(dst, '}')
}
