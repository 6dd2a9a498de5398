// Package frames speaks WebSocket (RFC 6455) as no library would: byte by byte, wrong where a test wants it wrong, and shows
// what a server answered as it came.
package frames
