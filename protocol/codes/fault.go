package codes

import (
	"errors"
	"fmt"
)

// Fault is an error with a code. It is immutable and safe for concurrent use.
type Fault struct {
	Code  Code
	Text  string // what the one who caused it may read; no secret, no detail of the server
	cause error
}

// New returns a fault. An empty format stands for the table's sentence.
func New(code Code, format string, args ...any) *Fault {
	return Wrap(code, nil, format, args...)
}

// Wrap is New with a cause, which errors.Is and errors.AsType find, logs show, and clients are never told.
func Wrap(code Code, cause error, format string, args ...any) *Fault {
	f := &Fault{Code: code, cause: cause}
	if format == "" {
		f.Text = code.Entry().Text
	} else {
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

// Of returns the fault in err's chain, or UnknownError with err as its cause. It is nil only for nil.
func Of(err error) *Fault {
	if err == nil {
		return nil
	}
	if f, ok := errors.AsType[*Fault](err); ok && f != nil {
		return f
	}
	return Wrap(UnknownError, err, "")
}
