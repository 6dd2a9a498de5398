// Package pgtest gives every test a fresh database on a real Postgres server, and a proxy to break connections with.
//
// A test binary has one server of its own: started by the first [DB], in a temporary directory, without fsync, on a
// socket and a port that no other test binary has. It ends with the binary, also when that is killed (on Linux). Each
// database is a copy of a template with the API roles, the schema auth and the publication supabase_realtime in it, takes
// some 50 ms to make, and is dropped at the end of its test.
//
// What belongs to the whole server is shared by the tests of a package: roles, replication slots, ALTER SYSTEM. Name new
// roles and slots with [Name], and undo settings.
//
// The package's TestMain is one line:
//
//	func TestMain(m *testing.M) { pgtest.Main(m) }
//
// No Postgres on the machine is a failure that says what to install, never a skip.
package pgtest
