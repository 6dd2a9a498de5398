package codes

import (
	"errors"
	"fmt"
	"log/slog"
)

// Fault is an error with a code. It is immutable and safe for concurrent use.
type Fault struct {
	Code  Code
	Text  string // what a client may read
	cause error
}

// New returns a fault. An empty format stands for the table's default sentence.
func New(code Code, format string, args ...any) *Fault {
	return Wrap(code, nil, format, args...)
}

// Wrap is New with a cause, which errors.Is and errors.AsType find and which is never told to a client.
func Wrap(code Code, cause error, format string, args ...any) *Fault {
	f := &Fault{Code: code, cause: cause}
	switch {
	case format == "":
		f.Text = code.Entry().Text
	case len(args) == 0:
		f.Text = format
	default:
		f.Text = fmt.Sprintf(format, args...)
	}
	return f
}

// Error is for logs: code, text and the cause.
func (f *Fault) Error() string {
	if f.cause == nil {
		return f.Reason()
	}
	return f.Reason() + ": " + f.cause.Error()
}

// Unwrap returns the cause, nil if there is none.
func (f *Fault) Unwrap() error { return f.cause }

// Reason is what a refused join reads: "<Code>: <text>".
func (f *Fault) Reason() string { return string(f.Code) + ": " + f.Text }

// Of returns the fault inside err, or UnknownError around it. It is nil only for nil.
func Of(err error) *Fault {
	if err == nil {
		return nil
	}
	var f *Fault
	if errors.As(err, &f) {
		return f
	}
	return Wrap(UnknownError, err, "")
}

// Effect is what a fault does to the one who caused it.
type Effect uint8

// The effects, from none to most.
const (
	None Effect = iota
	Refuse
	CloseChannel
	CloseSocket
)

// Entry is one row of the table.
type Entry struct {
	Code    Code
	Level   slog.Level
	Quiet   bool
	Text    string
	Status  int
	Effect  Effect
	Meaning string
	Remedy  string
}

// Entry returns the row of c.
func (c Code) Entry() Entry { return Entry{Code: c} }

// All returns every row.
func All() []Entry { return nil }
