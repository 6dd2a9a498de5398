package changes

import "realtime/protocol"

// Spec is one checked element of postgres_changes.
type Spec struct {
	ID int64
}

// ParseSpec checks the parameters of one entry.
func ParseSpec(e protocol.ChangeEntry) (Spec, error) { return Spec{ID: e.ID}, nil }
