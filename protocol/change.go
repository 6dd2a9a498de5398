package protocol

import "strconv"

// AppendChange appends the payload of a postgres_changes message: the ids of the receiving channel's entries that
// matched, and the change itself, a JSON object.
func AppendChange(dst []byte, ids []int64, data []byte) []byte {
	dst = append(dst, `{"ids":[`...)
	for i, id := range ids {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = strconv.AppendInt(dst, id, 10)
	}
	dst = append(dst, `],"data":`...)
	dst = append(dst, data...)
	return append(dst, '}')
}

// AppendJoinResponse appends the response of a successful join: every entry as the client sent it, in its order, with
// its id. Clients compare entry by entry, so nothing is left out or tidied.
func AppendJoinResponse(dst []byte, entries []ChangeEntry) []byte {
	dst = append(dst, `{"postgres_changes":[`...)
	for i, e := range entries {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, `{"id":`...)
		dst = strconv.AppendInt(dst, e.ID, 10)
		rest := e.Raw[space(e.Raw, 1):] // Raw is a valid object: what follows its opening brace
		if rest[0] != '}' {
			dst = append(dst, ',')
		}
		dst = append(dst, rest...)
	}
	return append(dst, `]}`...)
}
