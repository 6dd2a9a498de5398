// Package tenancy says who may do what: it keeps the tenants' rows, their limits, their secrets and their keys, finds the
// tenant of a request, and verifies tokens.
//
//	Store     the rows in the management schema (`_realtime`), shared with upstream in either direction
//	Cache     rows read lately, so that a request seldom costs a query
//	Resolver  which tenant a request is for, and by which rule
//	Tenant    one row, immutable: Verify checks a token, Database opens its settings
//	Cipher    how secrets are stored
//	Change    one validated write of a row
//	Seed      the tenant that a self-hosted server makes for itself
//
// A request passes through in this order: Resolver.Resolve asks Cache.Get, which asks Store.Get; the Tenant that comes back
// verifies the request's token. Nothing here opens a tenant's own database, counts anything or keeps a session.
//
// The package returns its errors as *codes.Fault where a client can cause them. The fault's text is what a client or a log may
// read; its cause holds what an operator needs (which key was tried, what was looked up), never a token, a claim or a secret.
package tenancy
