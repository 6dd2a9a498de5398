// Package tenancy says who may do what: it keeps the tenants' rows, their limits, their secrets and their keys, finds the
// tenant of a request, and verifies tokens.
//
//	Store     the rows in the management schema (`_realtime`), shared with upstream in either direction
//	Cache     rows read lately, so that a request seldom costs a query
//	Resolver  which tenant a request is for, and by which rule
//	Tenant    one row, immutable: Verify checks a token, Database opens its settings, Limits says what it may use
//	Cipher    how secrets are stored: AES-128-ECB as upstream began, AES-256-GCM as it goes on
//	Change    one validated write of a row
//	Seed      the tenant that a self-hosted server makes for itself
//
// A request passes through in this order: Resolver.Resolve asks Cache.Get, which asks Store.Get; the Tenant that comes back
// verifies the request's token. A write passes the other way: ParseChange, Store.Upsert, then Cache.Invalidate on every node.
//
// # Sharing a database with upstream
//
// The migrations are our own, one per version of upstream's, and their ledger is upstream's table. Whichever server starts
// applies what the other has not, and leaves alone what it does not know; statements name their columns, so a newer column
// disturbs nobody. Stored secrets are in upstream's formats, to the byte.
//
// # What never happens here
//
// Nothing opens a tenant's own database, counts anything, keeps a session or reads the environment. Nothing is logged but two
// things that happen behind a caller's back: migrations, and the re-encryption of a row that was read.
//
// # Errors
//
// What a client can cause is a *codes.Fault. Its text is what a client or a log may read; its cause is for operators: which key
// was tried (TokenError), which rules were tried and which tenants there are (Resolver). No error holds a token, a claim's
// value, a password or a secret; a secret is named by its Fingerprint.
package tenancy
