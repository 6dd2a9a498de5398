package changes

import (
	"fmt"
	"slices"
	"time"
)

// noticeEvery is how often one member hears of trouble at most.
const noticeEvery = 10 * time.Second

// noticeState is what a member was told last.
type noticeState struct {
	last       time.Time
	suppressed int
}

// failKey is whose trouble with which table.
type failKey struct {
	table  *table
	filter *rowFilter
	who    *principal
}

// fail notes that a question about the table could not be answered: of a filter, or of a principal. The rows it was
// about are denied; this is only for telling. One note for each is enough.
func (b *batch) fail(t *table, err error, f *rowFilter, who *principal) {
	k := failKey{t, f, who}
	if b.failed[k] {
		return
	}
	if b.failed == nil {
		b.failed = map[failKey]bool{}
	}
	b.failed[k] = true
	b.failures = append(b.failures, failure{table: t, err: err, filter: f, who: who})
}

// tell notifies the members whose rows were denied by an error.
func (e *Engine) tell(b *batch) {
	for _, f := range b.failures {
		e.counts.failures.Add(1)
		state := stateOf(f.err)
		what := "its policies could not be checked for this subscription"
		if f.filter != nil {
			what = "the filter could not be evaluated"
		}
		message := fmt.Sprintf("Changes of table %s were not sent: %s (%s)", f.table.name.String(), what, describe(state))
		for _, sub := range e.concerned(&f) {
			e.notify(sub, message)
		}
		e.o.Log.Warn("postgres changes: rows were denied by an error", "table", f.table.name.String(), "sqlstate", state)
	}
}

// describe names an SQLSTATE. The message of the error is left out: it may quote a row.
func describe(state string) string {
	switch {
	case state == "57014":
		return "57014: it took too long"
	case state == "":
		return "no answer"
	case conditionNames[state] != "":
		return state + ": " + conditionNames[state]
	}
	return state
}

// concerned finds the subscribers of a failure.
func (e *Engine) concerned(f *failure) []*subscriber {
	var out []*subscriber
	if f.who != nil {
		for _, sub := range f.who.subs {
			if slices.ContainsFunc(sub.entries, func(en *entry) bool { return en.table == f.table }) {
				out = append(out, sub)
			}
		}
		return out
	}
	for _, sub := range e.subscribers {
		if slices.ContainsFunc(sub.entries, func(en *entry) bool { return en.rest == f.filter }) {
			out = append(out, sub)
		}
	}
	return out
}

// notify tells a member, but not too often.
func (e *Engine) notify(sub *subscriber, message string) {
	s := e.notices[sub.Member]
	if s == nil {
		s = &noticeState{}
		e.notices[sub.Member] = s
	}
	now := time.Now()
	if !s.last.IsZero() && now.Sub(s.last) < noticeEvery {
		s.suppressed++
		return
	}
	if s.suppressed > 0 {
		message += fmt.Sprintf(" (and %d more like it)", s.suppressed)
	}
	*s = noticeState{last: now}
	e.o.Notice(sub.Member, message)
}
