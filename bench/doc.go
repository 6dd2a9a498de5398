// Package bench loads a server that speaks the protocol and says what it took: deliveries, latencies, CPU seconds, memory,
// and whether anything was lost, doubled or out of order.
//
// [Run] carries out one scenario against one server and returns a [Result]; [Spawn] starts a server of its own for it, as
// a separate process, so that its CPU time is counted apart. [Report] has the results of one command; it is printed as a
// table, kept as JSON, drawn as one HTML page, and compared with another one.
//
// # How data passes through
//
// A generator has one thread (a reactor) that does everything: it waits with epoll, reads whatever is there into one
// buffer, and sends what is due. Every message carries a record: the stream it belongs to, its number in that stream and the
// time when it was meant to leave. The receiver looks for nothing but the record, at the place where the last one was, so
// that it costs less than the server it measures; its own CPU time is shown all the same. Nothing here touches the server
// other than over the wire, apart from reading the process table.
//
// Whoever lags behind its own schedule would hide the server's pauses: a paced load stamps each message with the time it was
// due, not with the time it left (coordinated omission).
package bench
