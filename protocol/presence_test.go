package protocol

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParsePresence(t *testing.T) {
	for payload, want := range map[string]PresencePush{
		`{"type":"presence","event":"track","payload":{"u":1}}`: {Event: "track", EventIsString: true, HasEvent: true, Payload: []byte(`{"u":1}`), IsObject: true},
		`{"event":"TRACK"}`:                      {Event: "track", EventIsString: true, HasEvent: true, IsObject: true},
		`{"event":"Untrack"}`:                    {Event: "untrack", EventIsString: true, HasEvent: true, IsObject: true},
		`{"event":"tr\u0041ck","payload":"str"}`: {Event: "track", EventIsString: true, HasEvent: true, Payload: []byte(`"str"`)},
		`{"event":"track","payload":null}`:       {Event: "track", EventIsString: true, HasEvent: true, Payload: []byte(`null`)},
		`{"event":"trac\u212a"}`:                 {Event: "trac\u212a", EventIsString: true, HasEvent: true, IsObject: true}, // the Kelvin sign is no K here
		`{"event":"wat"}`:                        {Event: "wat", EventIsString: true, HasEvent: true, IsObject: true},
		`{"event":5}`:                            {HasEvent: true, IsObject: true},
		`{"event":null}`:                         {HasEvent: true, IsObject: true},
		`{"event":""}`:                           {EventIsString: true, HasEvent: true, IsObject: true},
		`{"nope":1}`:                             {IsObject: true},
		`"str"`:                                  {IsObject: true},
		`[{"event":"track"}]`:                    {IsObject: true},
		`null`:                                   {IsObject: true},
		``:                                       {IsObject: true},
		`{"event":"track",`:                      {IsObject: true},
	} {
		if diff := cmp.Diff(ParsePresence([]byte(payload)), want); diff != "" {
			t.Errorf("%s (-got +want):\n%s", payload, diff)
		}
	}
}

func TestParseAccessToken(t *testing.T) {
	for payload, want := range map[string]AccessTokenPush{
		`{"access_token":"t"}`:                     {Token: "t", Usable: true},
		`{"access_token":""}`:                      {Usable: true},
		`{"access_token":"sb_x"}`:                  {Token: "sb_x", Usable: true},
		`{"access_token":null}`:                    {Null: true},
		`{"access_token":5}`:                       {},
		`{"access_token":{"a":1}}`:                 {},
		`{"access_token":"a","access_token":null}`: {Null: true},
		`{}`:                   {},
		`"t"`:                  {},
		`null`:                 {},
		`{"a":`:                {},
		`{"access_token":"t",`: {},
	} {
		if got := ParseAccessToken([]byte(payload)); got != want {
			t.Errorf("%s: %+v, want %+v", payload, got, want)
		}
	}
}
