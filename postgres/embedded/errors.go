package embedded

import (
	"errors"
	"fmt"
	"strings"
)

// What [Start] can fail with; ask with errors.Is. The error that wraps one says what was tried and what mends it.
var (
	ErrNoBinaries = errors.New("no Postgres binaries")
	ErrInUse      = errors.New("data directory in use")
	ErrPortTaken  = errors.New("port taken")
)

// NoBinariesError says where initdb and postgres were looked for. It is an ErrNoBinaries.
type NoBinariesError struct {
	Looked []string // places, in order
	Found  []string // "15.18 in /usr/lib/postgresql/15/bin": installed, but of no use here
	Want   int      // the major version that the data directory needs; 0 if any from minMajor on would do
	Reason string   // why a directory that was asked for does not do; "" otherwise
}

// Error implements error.
func (e *NoBinariesError) Error() string {
	var b strings.Builder
	what := fmt.Sprintf("Postgres %d or newer", minMajor)
	if e.Want != 0 {
		what = fmt.Sprintf("Postgres %d, which made this data directory", e.Want)
	}
	fmt.Fprintf(&b, "find Postgres: initdb and postgres of %s were looked for in %s", what, strings.Join(e.Looked, ", "))
	if e.Reason != "" {
		fmt.Fprintf(&b, ": %s", e.Reason)
	}
	if len(e.Found) > 0 {
		fmt.Fprintf(&b, "; found only %s", strings.Join(e.Found, ", "))
	}
	fmt.Fprintf(&b, ". Install it with `%s`, or name the directory of the binaries with REALTIME_PG_BIN, "+
		"or use a Postgres of your own (DB_HOST)", installCommand(e.Want))
	return b.String()
}

// Is makes errors.Is(err, ErrNoBinaries) true.
func (e *NoBinariesError) Is(target error) bool { return target == ErrNoBinaries }

// InUseError says who holds a data directory. It is an ErrInUse.
type InUseError struct {
	DataDir string
	PID     int  // of the holder; 0 if it cannot be told
	Foreign bool // a Postgres server that was not started by this package
}

// Error implements error.
func (e *InUseError) Error() string {
	who := "another server"
	if e.PID != 0 {
		who = fmt.Sprintf("process %d", e.PID)
	}
	if e.Foreign {
		return fmt.Sprintf("open data directory %s: a Postgres server started by hand (process %d) runs on it; stop it with `kill -INT %d` first", e.DataDir, e.PID, e.PID)
	}
	return fmt.Sprintf("open data directory %s: %s is using it; stop that one first, or choose another data directory", e.DataDir, who)
}

// Is makes errors.Is(err, ErrInUse) true.
func (e *InUseError) Is(target error) bool { return target == ErrInUse }

// PortTakenError says that a port which was asked for by number belongs to someone else. It is an ErrPortTaken.
type PortTakenError struct {
	Port int
	Err  error // what the operating system said
}

// Error implements error.
func (e *PortTakenError) Error() string {
	return fmt.Sprintf("listen on 127.0.0.1:%d for the embedded Postgres: %v; choose another port, or 0 to have a free one picked", e.Port, e.Err)
}

// Is makes errors.Is(err, ErrPortTaken) true.
func (e *PortTakenError) Is(target error) bool { return target == ErrPortTaken }

// Unwrap gives the operating system's error.
func (e *PortTakenError) Unwrap() error { return e.Err }
