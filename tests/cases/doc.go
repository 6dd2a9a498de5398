// Package cases holds upstream's behaviour at the socket as tests, one per row of the list of protocol cases, each with its number in
// its name:
//
//	go test ./tests/cases -run 'TestCases/row=130'
//
// A server runs in the test's process, over a real listener and a real Postgres; the client is a few lines that speak raw frames, so
// that what is compared is what was on the wire. Frames are compared as JSON values: order of keys and white space do not count, a key
// that comes twice does.
//
// Every row gives its verdict: as upstream, or ours (different on purpose, with a line in docs/compatibility.md). Rows 1 to 50 are tests of package web, but for a few that are here.
// TestEveryRowIsAnswered keeps the account.
package cases
