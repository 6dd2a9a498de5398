package codes

import (
	"log/slog"
	"slices"
)

// Effect is what a fault does to the one who caused it.
type Effect uint8

// The effects, from none to most.
const (
	None         Effect = iota // nothing: the work goes on, or is tried again
	Refuse                     // the request is refused; what was open stays open
	CloseChannel               // the channel gets a system message and ends; the socket stays
	CloseSocket                // the request is refused and its socket, if it has one yet, closed with 1001
)

// String names the effect in words.
func (e Effect) String() string {
	return [...]string{"none", "refuse", "close channel", "close socket"}[e]
}

// Entry is one row of the table.
type Entry struct {
	Code    Code
	Level   slog.Level // what clients cause is a warning at most; an error is for an operator
	Quiet   bool       // logged only for sockets opened with a log_level that asks for it
	Counted bool       // counts in realtime_channel_error and realtime_channel_global_error
	Text    string     // the default sentence, as clients of upstream know it
	Status  int        // HTTP status of a refused handshake or request, 0 where there is none
	Effect  Effect
	Meaning string // one line for an operator: what happened
	Remedy  string // and what to do about it
}

// Levels, short enough for a table.
const (
	levelInfo  = slog.LevelInfo
	levelWarn  = slog.LevelWarn
	levelError = slog.LevelError
)

// table is every row, in the order of the areas. Invariant: no code occurs twice.
var table = slices.Concat(handshakeTable, joinTable, channelTable, changesTable, databaseTable, backgroundTable)

var byCode = func() map[Code]Entry {
	m := make(map[Code]Entry, len(table))
	for _, e := range table {
		m[e.Code] = e
	}
	return m
}()

// All returns a copy of the table, in the order of its areas.
func All() []Entry { return slices.Clone(table) }

// Entry returns the row of c. For a code that is not in the table it is UnknownError's row under c's name.
func (c Code) Entry() Entry {
	e, ok := byCode[c]
	if !ok {
		e = byCode[UnknownError]
		e.Code = c
	}
	return e
}
