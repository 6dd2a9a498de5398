// Package protocol is what is said on the wire between clients and the server, and nothing else: it decodes the frames
// of clients, encodes the frames of the server, and reads the payloads of joins, presence and token messages.
//
// # Two serializers
//
// A connection picks a [Version] with the query parameter vsn. Version 1 says one JSON object per text frame,
//
//	{"topic":"realtime:room","event":"phx_join","payload":{},"ref":"1","join_ref":"1"}
//
// version 2 one JSON array, as Phoenix does since 1.4,
//
//	["<join_ref>","<ref>","<topic>","<event>",<payload>]
//
// and, for broadcasts with a body of raw bytes, binary frames. All integers are single bytes, the last field runs to
// the end of the frame:
//
//	kind 0, push, in              00 | J | R | T | E         | join_ref ref topic event          | payload
//	kind 3, user broadcast, in    03 | J | R | T | E | M | e | join_ref ref topic event metadata | payload
//	kind 4, user broadcast, out   04 |         T | E | M | e |              topic event metadata | payload
//
// where J R T E M are lengths and e is the payload's encoding: 0 for bytes, 1 for JSON.
//
// # How data passes through
//
// [Version.Decode] cuts a frame into a [Message] whose slices alias the frame: no copy, no allocation unless a string
// has escapes. The scanner validates as it goes, so a payload that was decoded may be spliced into other frames as it
// is. [EncodeBroadcast] and the Append functions write whole WebSocket frames, header included (RFC 6455 §5.2), in one
// pass: lengths are summed before the first byte is written, and a payload is only ever copied.
//
// Nothing here keeps state, starts a goroutine, logs, or knows who may do what. Everything is safe for concurrent use as
// long as the caller does not write to a slice that something else reads.
package protocol
