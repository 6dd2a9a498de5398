// Package messages is the table realtime.messages as the server uses it: rows that others insert are broadcast, stored
// rows are replayed, and broadcasts that are to be kept are stored.
//
//	realtime.send() ─▶ row ─▶ publication ─▶ slot ─▶ [Stream] ─ wal.Tx ─▶ [Decoder] ─▶ [Message]
//	a join's replay ─▶ [Replay] ─▶ the newest messages of a topic, oldest first
//	a broadcast with persist ─▶ [Store] ─▶ rows that the stream passes over
//
// Columns are looked up by name in whatever order and company they come, so a table that a newer release has widened
// reads like any other. A row is broadcast unless its skip_broadcast is set, whoever wrote it.
//
// The package decides nothing about permissions, and keeps no state but the column layout of a Decoder.
package messages
