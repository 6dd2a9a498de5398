package protocol

import (
	"testing"
	"time"

	"realtime/protocol/codes"
)

func TestParsePersist(t *testing.T) {
	for meta, want := range map[string]*Persist{
		``: nil, `{}`: nil, `{"persist":null}`: nil, `{"persist":false}`: nil, `null`: nil, `[1]`: nil,
		`{"persist":true}`:                   {},
		`{"a":1,"persist":{}}`:               {},
		`{"persist":{"ttl":null}}`:           {},
		`{"persist":{"ttl":60}}`:             {TTL: time.Minute},
		`{"persist": {"ttl": 1 } }`:          {TTL: time.Second},
		`{"persist":{"ttl":9e9}}`:            {Err: errTTL},
		`{"persist":{"ttl":0}}`:              {Err: errTTL},
		`{"persist":{"ttl":-5}}`:             {Err: errTTL},
		`{"persist":{"ttl":1.5}}`:            {Err: errTTL},
		`{"persist":{"ttl":"60"}}`:           {Err: errTTL},
		`{"persist":{"ttl":[]}}`:             {Err: errTTL},
		`{"persist":"true"}`:                 {Err: errPersist},
		`{"persist":1}`:                      {Err: errPersist},
		`{"persist":[]}`:                     {Err: errPersist},
		`{"persist":{"ttl":99999999999999}}`: {},
	} {
		comparePersist(t, meta, ParsePersist([]byte(meta)), want)
	}
	for query, want := range map[[2]string]*Persist{
		{"", ""}: nil, {"false", ""}: nil, {"true", ""}: {}, {"1", ""}: {Err: errPersist},
		{"", "60"}: {TTL: time.Minute}, {"true", "0"}: {Err: errTTL}, {"", "+1"}: {Err: errTTL}, {"", "x"}: {Err: errTTL},
	} {
		comparePersist(t, query[0]+"|"+query[1], PersistQuery(query[0], query[1]), want)
	}
}

func comparePersist(t *testing.T, in string, got, want *Persist) {
	t.Helper()
	if (got == nil) != (want == nil) || got != nil && *got != *want {
		t.Errorf("%s is read as %+v, want %+v", in, got, want)
	}
	if got != nil && got.Err != nil && codes.Of(got.Err).Code != codes.UnableToPersistMessage {
		t.Errorf("%s fails with %v", in, got.Err)
	}
}

func FuzzParsePersist(f *testing.F) {
	f.Add([]byte(`{"persist":{"ttl":60}}`))
	f.Add([]byte(`{"persist":true}`))
	f.Fuzz(func(t *testing.T, meta []byte) {
		if !Valid(meta) { // the scanner lets nothing else through
			return
		}
		if p := ParsePersist(meta); p != nil && (p.TTL < 0 || p.TTL%time.Second != 0 || p.Err != nil && p.TTL != 0) {
			t.Errorf("%s is read as %+v", meta, p)
		}
	})
}

func TestRepliesAboutStorage(t *testing.T) {
	if got, want := string(AppendStored(nil, "x")), `{"id":"x"}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got, want := string(AppendNotStored(nil, `n"o`)), `{"error":"n\"o","reason":"n\"o"}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
