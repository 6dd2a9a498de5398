// Package ratelimit counts how much has happened and tells whether that is too much. It never waits, refuses or logs:
// what a limit means is for its caller to say.
//
// A [Meter] is an average over the last minute, looked at every five seconds: a burst passes, and what is over its limit
// stays so until the average has sunk. A [Window] is a plain number per span. A [Registry] keeps the meters of all
// tenants, and moves them on:
//
//	events := registry.Meter(tenant, ratelimit.Events, limits.EventsPerSecond) // once, kept
//	events.Add(1 + len(receivers))                                            // per fan-out, never per receiver
//	if events.Exceeded(limits.EventsPerSecond) { … }
//	for now := range ticker.C { registry.Tick(now) }                          // one owner, every 5 s
//
// Time is passed in; the package reads no clock and starts no goroutine. Everything is safe for any goroutine.
package ratelimit
