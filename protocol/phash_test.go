package protocol

import "testing"

// The values are erlang:phash2/1 of the entries as maps, as upstream sends them.
func TestEntryIDsAreUpstreams(t *testing.T) {
	for raw, want := range map[string]uint32{
		`{"event":"INSERT","schema":"public"}`:                                     100468891,
		`{"event":"*","schema":"public"}`:                                          74307548,
		`{"event":"*","schema":"public","table":"test"}`:                           106243155,
		`{"event":"INSERT","schema":"public","table":"test"}`:                      108180041,
		`{"event":"UPDATE","schema":"public","table":"test"}`:                      44387598,
		`{"event":"DELETE","schema":"public","table":"test"}`:                      4845530,
		`{"event":"*","schema":"public","table":"messages","filter":"id=eq.1"}`:    3473886,
		`{"event":"INSERT","schema":"public","table":"test","select":["details"]}`: 83897752,
		`{"schema":"public","table":"users"}`:                                      97734291,
		`{"schema":"public"}`:                                                      44066587,
		`{}`:                                                                       39679005,
	} {
		if got := portableHash([]byte(raw)); got != want {
			t.Errorf("portableHash(%s) = %d, want %d", raw, got, want)
		}
	}
}
