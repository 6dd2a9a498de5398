package postgres

import (
	"fmt"
	"io"
	"log/slog"
)

// Secret is a text that no formatting verb, logger or encoder prints. The empty Secret means "none". Safe to copy and to
// compare; only [Secret.Reveal] gives the text away. Keep it in exported fields: fmt prints what it finds in unexported
// ones without asking the type.
type Secret string

const redacted = "[redacted]"

// Reveal returns the text itself. Call it only where the text goes to the server that wants it.
func (s Secret) Reveal() string { return string(s) }

// String implements fmt.Stringer: always "[redacted]".
func (s Secret) String() string { return redacted }

// Format implements fmt.Formatter for every verb: a verb that does not fit, such as %d, would print the text.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// LogValue implements slog.LogValuer.
func (s Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText implements encoding.TextMarshaler, so that JSON and the like show no more than a log does.
func (s Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }
