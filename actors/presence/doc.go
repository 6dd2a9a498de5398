// Package presence is the pure part of Presence: who is here, under which key, with which metas, and what each
// change means to somebody who watches.
//
// A [Set] is a topic's state. Track, Untrack change it and return a [Diff]; applying every diff to the state
// as it was gives the state as it is (a property test holds it to that). The package knows no clock, no
// goroutine and no network; its caller makes the phx_refs and owns the Set.
//
// Shapes on the wire follow Phoenix.Presence: a state is {key: {"metas": [meta…]}}, a diff is
// {"joins": state, "leaves": state}, a meta is the tracked object with phx_ref, and phx_ref_prev when it took the
// place of an earlier one.
package presence
