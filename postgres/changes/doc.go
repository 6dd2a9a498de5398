// Package changes decides which subscriber may see which committed row.
//
// An [Engine] takes transactions decoded by postgres/wal and subscriptions of
// members, and hands over, per group of members, the JSON of each row with the
// members and subscription ids it is for. Postgres is the judge: a row is shown to
// a role with claims if and only if that role with those claims could read it.
//
// The path of a row: [Engine.Run] takes all queued transactions as one batch, asks
// the index who wants which row, opens one repeatable-read transaction, waits until
// every transaction of the batch is visible in it, compares the catalog's
// fingerprint with the one the plans were made under, has the filters and policies
// evaluated, makes the JSON once per set of columns and delivers in WAL order.
//
// A policy is asked in one of these ways, called tiers. T0: row security is not
// active for the role, column privileges alone decide. Deny: no permissive policy
// applies to the role. T1: one statement joins the images of rows with what the
// policies make of everybody's claims, computed when they subscribed. T2: one
// statement for each distinct claims asks about the images. T3: the row is read again
// as the role, one statement for each distinct claims, and must still equal the image of
// the event; rows that are alike where the policies look share the answer. T4: the
// policy calls a volatile function, so each row and claims is asked in a subtransaction
// of its own that is rolled back.
//
// The package never decides by default: what cannot be asked is denied, and the
// member is told. It never writes to the database, never evaluates SQL semantics in
// Go beyond equality of canonical text, and never asks policies about a DELETE,
// whose row no longer exists (only the key is shown under row security).
package changes
