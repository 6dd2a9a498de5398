// Package leaks searches the logs that tests make for what no log may show: the secrets they use, tokens, and payloads and
// claims that carry [Marker]. Whoever makes a log in a test makes it over [Watch]; a [Record] keeps what is logged.
package leaks
