// Package clients runs unmodified published JavaScript clients against the
// realtime binary: @supabase/realtime-js from 2.10.7 to 2.119.1, supabase-js and
// phoenix. clients.js has the list and what each of them can do.
//
// The cases are the *.test.js files beside this one, one feature each, run by
// node's own test runner. [TestClients] builds the binary, starts a server with
// an embedded database on a fresh data directory, makes tokens and hands all
// this to node in the environment; every JavaScript test becomes a Go subtest.
// [TestKilledServerComesBack] kills the server under the clients instead.
//
// It needs go, node 20 or later and npm on the PATH.
package clients
