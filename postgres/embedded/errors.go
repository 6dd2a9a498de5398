package embedded

import "errors"

// Errors that [Start] wraps; ask with errors.Is.
var (
	ErrNoBinaries = errors.New("no Postgres binaries found")
	ErrInUse      = errors.New("data directory in use")
	ErrPortTaken  = errors.New("port taken")
)
