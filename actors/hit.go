package actors

import (
	"errors"
	"time"

	"realtime/protocol"
	"realtime/protocol/codes"
	"realtime/ratelimit"
)

// over describes a rate that is over a setting.
func over(setting string, m *ratelimit.Meter, limit int) *protocol.Limit {
	return &protocol.Limit{Name: setting, Limit: float64(limit), Value: m.Average(), Window: m.Window(), Reset: m.Reset()}
}

// beyond describes a count that is over a setting.
func beyond(setting string, count, limit int) *protocol.Limit {
	return &protocol.Limit{Name: setting, Limit: float64(limit), Value: float64(count)}
}

// within describes a window that is used up.
func within(setting string, w *ratelimit.Window, limit int, span time.Duration) *protocol.Limit {
	return &protocol.Limit{Name: setting, Limit: float64(limit), Value: float64(limit + 1), Window: span, Reset: w.Reset(time.Now())}
}

// hit is the fault of a limit.
func hit(code codes.Code, l *protocol.Limit) *codes.Fault { return codes.Wrap(code, l, "") }

// limitOf is the limit a fault is about, or nil.
func limitOf(err error) *protocol.Limit {
	var l *protocol.Limit
	errors.As(err, &l)
	return l
}
