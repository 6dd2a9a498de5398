// Package web is the edge of the server: HTTP, the WebSocket handshake and REST broadcast.
//
// [Server] owns the accept loop. A connection's first request is read here, with a pooled buffer and bounds on time and size:
//
//	accept ─ head ─┬─ GET of a socket address ─ handshake ─ 101 ─ session (gws) ─▶ actors.Reader
//	               └─ anything else, with the bytes already read ─▶ net/http ─ routes
//
// so an idle socket keeps neither its http.Request nor the stack that parsed it: the read loop runs on a fresh goroutine with a
// buffer of 512 bytes. A socket request that arrives later on a kept-alive connection, or has a body, goes through net/http and ends
// in the same handshake.
//
// [session] is what stands between gws and an actors.Conn. gws parses frames; the session decides what is said when the connection
// ends, because gws adds a reason text to its close frames and answers some of the client's codes with another one. All bytes to the
// client go through actors.Conn, and nothing here sets a deadline or a timer on an open socket: one sweep in actors closes idle ones.
//
// The package never reads the environment, never touches SQL, and logs neither a query string nor a header.
package web
