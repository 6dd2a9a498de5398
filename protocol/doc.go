// Package protocol is what is said on the wire between clients and the server.
package protocol
