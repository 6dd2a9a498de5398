package cases

import (
	"regexp"
	"testing"
)

var presenceKeyRows = []row{
	as(198, "keys that are no text", row198),
	as(199, "keys that are made up", row199),
	differs(200, "key that is an object", "the key is made up, and nobody else notices (quirk Q2)", row200),
}

// keyFor tracks with a presence config of a join, given as members with a comma in front, and returns the key the track is listed under.
func keyFor(t *testing.T, h *house, presence string) string {
	t.Helper()
	s := h.dial(t, h.tenant(t, ""))
	s.join("realtime:a", `{"presence":{"enabled":false`+presence+`}}`)
	s.presence(`{"event":"track","payload":{}}`)
	key := ""
	for range 2 { // the reply and the diff
		v, err := decode(s.next())
		if err != nil {
			t.Fatal(err)
		}
		payload, _ := v.([]any)[4].(map[string]any)
		joins, _ := payload["joins"].(map[string]any)
		for k := range joins {
			key = k
		}
	}
	return key
}

func row198(t *testing.T, h *house) {
	for given, want := range map[string]string{`5`: "5", `true`: "true", `1.5`: "1.5", `"alice"`: "alice"} {
		if got := keyFor(t, h, `,"key":`+given); got != want {
			t.Errorf("key %s is %q, want %q", given, got, want)
		}
	}
}

var uuid = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

func row199(t *testing.T, h *house) {
	seen := map[string]bool{}
	for _, presence := range []string{`,"key":""`, `,"key":null`, `,"key":"   "`, ``} {
		key := keyFor(t, h, presence)
		if !uuid.MatchString(key) || seen[key] {
			t.Errorf("%s gives the key %q, want a UUID of its own", presence, key)
		}
		seen[key] = true
	}
}

func row200(t *testing.T, h *house) {
	bystander, _ := h.tracker(t)
	if key := keyFor(t, h, `,"key":{"a":1}`); !uuid.MatchString(key) {
		t.Errorf("the key is %q, want a UUID", key)
	}
	bystander.track(`{"u":1}`, `{"phx_ref":"$R1","u":1}`, "")
}
