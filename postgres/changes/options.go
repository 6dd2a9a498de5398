package changes

import (
	"log/slog"

	"realtime/postgres"
	"realtime/protocol"
	"realtime/protocol/codes"
)

// Options configure an [Engine].
type Options struct {
	// Settings name the database; the role must be able to SET ROLE to every role of a claim.
	Settings postgres.Settings
	// Publication is the publication whose tables can be subscribed.
	Publication string
	// MaxRecordBytes is the size of a record above which values are left out
	// (Error 413); default 1 MiB.
	MaxRecordBytes int
	// ShadowEvery is how many rows are decided on their images for one that is also asked of its table, to compare; 0
	// stands for 1000, less than that for never. There are at most ten such checks a second.
	ShadowEvery int
	// Log receives trouble that an operator should know; default discards.
	Log *slog.Logger

	// Answer is told whether a subscription is live. It, Deliver and Notice are called
	// on the Engine's goroutine and must not block.
	Answer func(Answer)
	// Deliver is handed the rows of one batch for one group, in WAL order.
	Deliver func(group any, rows []Delivery)
	// Notice is a `system` error of extension postgres_changes for one member; the
	// Engine limits how often one member gets one.
	Notice func(member any, message string)
}

// Subscription is everything one member wants to hear of.
type Subscription struct {
	// Member is who: a comparable value, usually a pointer.
	Member any
	// Group is what deliveries are handed over by: a comparable value.
	Group any
	// Role is the role claim; "" when the claims have none.
	Role string
	// Claims is the JSON object of the token's claims, as signed.
	Claims string
	// Entries are the elements of postgres_changes. All or none are subscribed.
	Entries []protocol.ChangeEntry
}

// Answer says what became of a [Subscription].
type Answer struct {
	Member any
	// Err is nil when the subscription is live: every later commit is decided with it.
	Err *codes.Fault
	// Retry is set with Err when the trouble is passing and the Engine goes on trying.
	Retry bool
	// Warnings are sentences about what would keep the subscription silent, or did with
	// Err, each with the SQL that mends it.
	Warnings []string
}

// Delivery is one row, as one JSON text, for some members of a group.
type Delivery struct {
	Event string   // INSERT, UPDATE or DELETE
	Data  []byte   // immutable JSON object: schema, table, type, commit_timestamp, columns, record, old_record, errors
	To    []Target // immutable, too: rows for the same audience may share it
}

// Target is a member with those of its entries' ids that a row is for, in any order, one for each entry.
type Target struct {
	Member any
	IDs    []int64
}
