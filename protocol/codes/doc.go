// Package codes is the one table of everything that can go wrong, and the error type that carries a row of it.
//
// The place that knows what went wrong names the code:
//
//	return codes.New(codes.TenantNotFound, "tenant %q", id)
//	return codes.Wrap(codes.RlsPolicyError, err, "check the read policy")
//
// and the boundary that has to answer asks the table, once, what that means:
//
//	f := codes.Of(err)
//	e := f.Code.Entry() // e.Level to log at, f.Reason() to say, e.Effect to do
//
// so nothing in between switches over causes. Names and sentences are upstream's, letter for letter: alerts, runbooks and
// clients match on them. The package knows nothing of transports, logs nothing and keeps no state.
package codes
