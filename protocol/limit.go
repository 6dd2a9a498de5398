package protocol

import (
	"fmt"
	"strconv"
	"time"
)

// Limit says which limit was hit, and when it is over. It travels as the cause of a fault and, where upstream leaves room
// in a reply or system message, to the client under the key "limit". The texts beside it stay upstream's.
type Limit struct {
	Name   string        // the setting: max_joins_per_second, …
	Limit  float64       // what is allowed
	Value  float64       // what was counted
	Window time.Duration // over which it was counted; 0 for a limit without time
	Reset  time.Duration // until the limit is free again if nothing more comes; 0 if time does not free it
}

// Error names limit, value, window and reset.
func (l *Limit) Error() string {
	s := fmt.Sprintf("%s is %s, counted %s", l.Name, number(l.Limit), number(l.Value))
	if l.Window > 0 {
		s += fmt.Sprintf(" over %s, free again in %s", l.Window, l.Reset.Round(time.Millisecond))
	}
	return s
}

func number(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }

// appendKey appends ,"limit":{…}; nothing for nil.
func (l *Limit) appendKey(dst []byte) []byte {
	if l == nil {
		return dst
	}
	dst = AppendString(append(dst, `,"limit":{"name":`...), l.Name)
	dst = strconv.AppendFloat(append(dst, `,"limit":`...), l.Limit, 'f', -1, 64)
	dst = strconv.AppendFloat(append(dst, `,"value":`...), l.Value, 'f', -1, 64)
	if l.Window > 0 {
		dst = strconv.AppendInt(append(dst, `,"window_ms":`...), l.Window.Milliseconds(), 10)
		dst = strconv.AppendInt(append(dst, `,"reset_ms":`...), l.Reset.Milliseconds(), 10)
	}
	return append(dst, '}')
}
