package protocol

// The extensions of a system message: who speaks.
const (
	ExtensionSystem          = "system"
	ExtensionPostgresChanges = "postgres_changes"
)

// Texts of system messages that are not an error of someone's.
const (
	MessageSubscribed             = "Subscribed to PostgreSQL"
	MessageMissed                 = "Changes were missed: the server lost its place in the database's log. They flow again from here on; read what you show anew."
	MessageReplicationEstablished = "Replication connection established"
	MessageDisconnect             = "Server requested disconnect"
)

// AppendSystem appends the payload of a system message. channel is the topic without its prefix; "" leaves the key out.
func AppendSystem(dst []byte, extension, status, message, channel string) []byte {
	return AppendSystemLimit(dst, extension, status, message, channel, nil)
}

// AppendSystemLimit appends the payload of a system message about a limit that was hit.
func AppendSystemLimit(dst []byte, extension, status, message, channel string, l *Limit) []byte {
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
	return append(l.appendKey(dst), '}')
}

// AppendReason appends the response of an error reply.
func AppendReason(dst []byte, reason string) []byte { return AppendReasonLimit(dst, reason, nil) }

// AppendReasonLimit appends the response of an error reply about a limit that was hit.
func AppendReasonLimit(dst []byte, reason string, l *Limit) []byte {
	dst = append(dst, `{"reason":`...)
	dst = AppendString(dst, reason)
	return append(l.appendKey(dst), '}')
}
