// Package chaos kills the real server and its database while they work, and counts what arrives.
//
// What it holds the server to is the promise of REALTIME_SLOT=durable: whoever is subscribed when a server takes its
// slot up again gets every change since, and some of those before a second time, in the order of the commits and
// without one that was never made. A short form runs with all tests, `make chaos` runs the long one.
package chaos
