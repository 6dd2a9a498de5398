// Package wal turns a logical replication slot into a stream of committed transactions, and the values in them into
// JSON.
//
// [Open] connects, creates or takes up the slot and starts replication; when it returns, whatever commits from then on
// will be seen. [Stream.Run] reads: every committed transaction leaves as one or more [Tx], in commit order, through
// one bounded chan. A full chan stops the reading and Postgres spools; keepalives are answered all the same, by a
// second goroutine that alone writes to the connection. [Stream.Confirm] tells what has been dealt with and may be
// forgotten by the server.
//
//	socket ─ pgoutput text ─▶ decoder (in place, relations) ─▶ builder (parts of ≤ 1,000 rows or 1 MiB) ═▶ chan *Tx
//	socket ◀─ status: received, confirmed ─ ticker
//
// A row holds its values as Postgres' own text. [Types] knows the catalog facts of their types and appends them as JSON
// without asking the database, but for the few types of which [Types.NeedsDatabase] says that only Postgres can.
//
// The package never reads tables, never decides who may see a row, and never drops a row silently.
package wal
