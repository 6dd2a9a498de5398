package postgres

import "log/slog"

// Secret is a text that no formatting verb, logger or encoder prints. The empty Secret means "none". Safe to copy and to
// compare; only [Secret.Reveal] gives the text away.
type Secret string

const redacted = "[redacted]"

// Reveal returns the text itself. Call it only where the text goes to the server that wants it.
func (s Secret) Reveal() string { return string(s) }

// String implements fmt.Stringer: always "[redacted]".
func (s Secret) String() string { return redacted }

// GoString implements fmt.GoStringer, for %#v.
func (s Secret) GoString() string { return redacted }

// LogValue implements slog.LogValuer.
func (s Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText implements encoding.TextMarshaler, so that JSON and the like show no more than a log does.
func (s Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }
