package bench

// Tally is what one generator has counted since it began.
type Tally struct {
	Delivered  int64 // messages received, over all receivers
	Published  int64 // messages sent
	Bytes      int64 // received
	Lost       int64 // numbers that were passed over and have not come since
	Doubled    int64 // numbers that came twice
	Disordered int64 // numbers that came after a later one
	Foreign    int64 // messages that are none of ours
	Joined     int64 // joins answered with ok
	Refused    int64 // joins answered with anything else
	Open       int64 // connections that stand
	Closed     int64 // connections that ended and should not have
	Cut        int64 // connections that did not read and were cut for it
}

func (t *Tally) add(o *Tally) {
	t.Delivered += o.Delivered
	t.Published += o.Published
	t.Bytes += o.Bytes
	t.Lost += o.Lost
	t.Doubled += o.Doubled
	t.Disordered += o.Disordered
	t.Foreign += o.Foreign
	t.Joined += o.Joined
	t.Refused += o.Refused
	t.Open += o.Open
	t.Closed += o.Closed
	t.Cut += o.Cut
}
