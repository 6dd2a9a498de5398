package bench

// A record travels inside each message: '^', stream, number, time, '$', all of it hexadecimal, so that it needs no escaping
// in JSON and survives a server that writes the JSON anew.
const (
	recordOpen   = '^'
	recordClose  = '$'
	recordLen    = 28
	recordStream = 1  // 6 digits
	recordSeq    = 7  // 8 digits
	recordTime   = 15 // 12 digits: nanoseconds since the generator began, enough for three days
	maxStreams   = 1 << 24
)

const digits = "0123456789abcdef"

// unhex has 0xff for what is no digit.
var unhex = func() (t [256]byte) {
	for i := range t {
		t[i] = 0xff
	}
	for i, c := range []byte(digits) {
		t[c] = byte(i)
	}
	return t
}()

// appendRecord appends a record.
func appendRecord(dst []byte, stream, seq uint32, at int64) []byte {
	n := len(dst)
	dst = append(dst, make([]byte, recordLen)...)
	dst[n], dst[n+recordLen-1] = recordOpen, recordClose
	putHex(dst[n+recordStream:n+recordSeq], uint64(stream))
	stamp(dst[n:], seq, at)
	return dst
}

// stamp gives the record at the start of b its number and time.
func stamp(b []byte, seq uint32, at int64) {
	putHex(b[recordSeq:recordTime], uint64(seq))
	putHex(b[recordTime:recordLen-1], uint64(at))
}

func putHex(dst []byte, v uint64) {
	for i := len(dst) - 1; i >= 0; i-- {
		dst[i] = digits[v&15]
		v >>= 4
	}
}

// parseRecord reads the record at the start of b up to its time, which few receivers look at.
func parseRecord(b []byte) (stream, seq uint32, ok bool) {
	if len(b) < recordLen || b[0] != recordOpen || b[recordLen-1] != recordClose {
		return 0, 0, false
	}
	var bad byte
	for _, c := range b[recordStream:recordSeq] {
		d := unhex[c]
		bad |= d
		stream = stream<<4 | uint32(d)
	}
	for _, c := range b[recordSeq:recordTime] {
		d := unhex[c]
		bad |= d
		seq = seq<<4 | uint32(d)
	}
	return stream, seq, bad < 16
}

// recordedAt reads the time of a record that was parsed.
func recordedAt(b []byte) (at int64) {
	for _, c := range b[recordTime : recordLen-1] {
		at = at<<4 | int64(unhex[c]&15)
	}
	return at
}
