// Package actors is everything in the server that is alive: sockets, channels, presence, tenants and change
// feeds, and [Conn], through which every byte reaches a client.
//
// The tree:
//
//	guardian ─┬─ tenants ── tenant/<id> ─┬─ channel/<kind>/<n> … ── presence
//	          │                          └─ cdc ── changes
//	          └─ socket/<n> …
//
// Who owns what (there is no other mutable state):
//
//   - Conn: the unsent bytes of one connection, under its one mutex.
//   - Socket: the members of one connection, topic by topic. Its [Reader] sees an immutable map of them.
//   - Channel: the subscribers of one topic with their claims and token deadlines, and the open batch.
//   - Presence: the metas of one topic, around a pure presence.Set. A child of its Channel.
//   - Tenant: live channels, counted users.
//   - CDC: who subscribes to changes in one tenant; its feed holds the slot and the changes.Engine.
//
// Rules of the tree. An actor never blocks: SQL is an errand, a goroutine with a deadline whose result comes
// back to the actor that sent it. Only a parent ends a child; a child asks (idle) and the parent compares join
// counters, so a join cannot race a shutdown. Inside the tree nobody waits for a reply. A message is not touched
// after it is sent. Mailboxes are unbounded, so whoever feeds one from outside waits first. A panic is recovered
// in one place: its stack is logged, it is counted, dependants are told, the actor ends. Everything a topic says
// to a client goes through its Channel, so a join's reply precedes the rest by construction; only heartbeat
// replies, refusals and an administrator's disconnect come from Reader or Socket.
//
// What the package never does: speak HTTP, read the environment, decide who may see a row, or keep a lock while
// it calls another actor.
package actors
