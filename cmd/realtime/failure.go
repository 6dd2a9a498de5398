package main

import (
	"errors"
	"fmt"
	"io"
)

// Exit codes, as doc.go lists them.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

// failure is a step that did not work, told to a person: what was tried, why it
// failed, and what to type to mend it.
type failure struct {
	step string // "make the data directory"
	err  error
	mend string // one line, may be empty
	code int    // exit code; zero is exitFailed
}

func (f *failure) Error() string {
	if f.step == "" {
		return f.err.Error()
	}
	return f.step + ": " + f.err.Error()
}

func (f *failure) Unwrap() error { return f.err }

// report prints err on w and returns the exit code that goes with it.
func report(w io.Writer, err error) int {
	var bad *ConfigError
	var f *failure
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &bad):
		fmt.Fprintf(w, "realtime: %s\n", bad)
		fmt.Fprintln(w, "  every variable is described in docs/configuration.md")
		return exitUsage
	case errors.As(err, &f):
		fmt.Fprintf(w, "realtime: %s\n", err)
		if f.mend != "" {
			fmt.Fprintf(w, "  %s\n", f.mend)
		}
		if f.code != 0 {
			return f.code
		}
		return exitFailed
	default:
		fmt.Fprintf(w, "realtime: %s\n", err)
		return exitFailed
	}
}
