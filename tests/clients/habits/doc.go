// Package habits replays what clients in other languages send, byte for byte,
// and checks that what comes back is what they can read.
//
// A file of testdata is one client: `=` opens its socket, `>` is a text frame as
// the client writes it, `>>` a binary one as a Go string, `<` a frame that must
// come back, compared as JSON ("$any" is any value), `<<` a binary one. $TOKEN is a
// good token. Nothing else may come. The frames follow the sources of the clients
// that each file names.
package habits
