package changes

import "time"

const (
	// quarantineTime is how long something that ran into timeouts is denied without being asked again.
	quarantineTime = 30 * time.Second
	// quarantineAfter is how many timeouts in a row it takes for one principal or filter, slowAfter how many principals
	// in a row for a plan: then it is the policy that is slow, for everybody.
	quarantineAfter = 2
	slowAfter       = 8
)

// quarantine keeps what runs into timeouts from taking everybody's time again and again. The zero value is free.
type quarantine struct {
	strikes int
	until   time.Time
}

// strike notes a timeout; after so many in a row the quarantine closes.
func (q *quarantine) strike(b *batch, after int) {
	if q.strikes++; q.strikes >= after {
		q.until = b.now.Add(quarantineTime)
		b.quarantined++
	}
}

// closed reports whether it is not to be asked now.
func (q *quarantine) closed(now time.Time) bool { return now.Before(q.until) }

// pardon notes an answer in time.
func (q *quarantine) pardon() { *q = quarantine{} }
