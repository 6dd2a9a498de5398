package bench

// mixed is chat: many rooms of a few members, one of whom speaks. With churn, members come, go, lose their connections and
// stop reading meanwhile.
func mixed(s *session) error {
	cr, err := s.gather()
	if err != nil {
		return err
	}
	if err := s.speakers(cr); err != nil {
		return err
	}
	s.start(cr)
	var ch *churn
	if s.o.Churn {
		ch = s.startChurn(cr)
	}
	sp := s.measure()
	if ch != nil {
		ch.end()
	}
	s.halt(cr)
	s.drain(cr.sent)
	s.conclude(sp, s.o.Rate > 0)
	if ch != nil {
		ch.conclude()
	}
	return nil
}

// speakers lets the first member of each room speak. It does not hear itself.
func (s *session) speakers(cr *crowd) error {
	cr.pubs = make([]*publisher, s.o.Channels)
	for i, st := range cr.seats {
		ch := i % s.o.Channels
		if cr.pubs[ch] != nil || st.c.r != s.reactors[0] {
			continue
		}
		cr.pubs[ch] = newPublisher(st.c, broadcastFrame(s.t, st.c.version, st.ref, st.topic, s.o.Payload, uint32(ch)))
		cr.speakers = append(cr.speakers, st.c)
		st.c.r.call(func() { st.c.next[uint32(ch)-st.c.base] = anySeq })
	}
	cr.fan = max(cr.fan-1, 1)
	for ch, p := range cr.pubs {
		if p == nil {
			return errNoSpeaker(ch)
		}
	}
	return nil
}
