// Package embedded runs a Postgres server of our own over the programs that are installed on this machine, so that
// nobody needs to set up a database to try things, and so that tests have a real one.
//
// [Start] takes a data directory and returns a [Server] that takes connections: it finds initdb and postgres, makes the
// cluster on the first use, starts it on loopback TCP and a Unix socket, and makes what Supabase databases have
// ([Seed]). The server lives as long as its [Server] and no longer:
//
//   - Stop ends it in order; a process that is killed takes it along (on Linux, by the kernel's parent-death signal;
//     elsewhere the next Start ends what it finds).
//   - A Postgres that dies is started again, on the same port, with back-off.
//   - A data directory has one holder, by a file lock; the second is told who the first is.
//
// In a data directory lie: data (the cluster), postgres.log (what Postgres says, bounded), password (the superuser's over
// TCP), port (the last one, used again), lock, and the socket. Everything is open to one system user only: ours, or, as
// Postgres refuses to run as root, the user postgres or nobody that root lends it.
//
// One goroutine owns the postmaster from its first start to its end (watch); the reader of its log and the waiting for
// its exit have one each. The package never downloads anything and imports nothing of ours.
package embedded
