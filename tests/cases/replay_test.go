package cases

import (
	"testing"

	"realtime/protocol"
)

var replayRows = []row{
	differs(165, "replay on a public channel", "replay null is as if it were absent (quirk Q16)", row165),
	part(166, "replay", replay, row166),
	part(167, "replay with bad parameters", replay+"; that it is refused, and that since may be absent, as newer releases have it", row167),
	part(168, "limit of a replay", replay, row168),
	part(169, "no replay", replay, row169),
}

func row165(t *testing.T, h *house) {
	s := h.dial(t, h.tenant(t, ""))
	const reason = "UnableToReplayMessages: Replay is not allowed for public channels"
	for _, replay := range []string{`{"since":0}`, `{"since":"5"}`, `{}`} {
		s.refused(`{"config":{"broadcast":{"replay":`+replay+`}}}`, reason)
	}
	s.join("realtime:a", `{"broadcast":{"replay":null}}`)
}

// replayOf reads the parameters of a private join with a replay. The join itself is refused today, as every private one.
func replayOf(t *testing.T, h *house, replay string) *protocol.Replay {
	t.Helper()
	payload := `{"config":{"private":true,"broadcast":{"replay":` + replay + `}}}`
	h.dial(t, h.tenant(t, "")).refused(payload, unauthorized)
	j, err := protocol.ParseJoin([]byte(payload))
	if err != nil {
		t.Fatal(err)
	}
	return j.Replay
}

func row166(t *testing.T, h *house) {
	if r := replayOf(t, h, `{"since":0,"limit":10}`); r == nil || *r != (protocol.Replay{Limit: 10}) {
		t.Errorf("read as %+v", r)
	}
}

func row167(t *testing.T, h *house) {
	for _, bad := range []string{`{"since":"5"}`, `{"since":1,"limit":"10"}`, `{"since":1.5}`, `{"since":99999999999999999}`, `{"since":true}`} {
		r := replayOf(t, h, bad)
		if r == nil || r.Err == nil || r.Err.Error() != "UnableToReplayMessages: Replay params are not valid" {
			t.Errorf("%s is read as %+v", bad, r)
		}
	}
}

func row168(t *testing.T, h *house) {
	for limit, want := range map[string]int{"0": 1, "null": 25, "100": 25, "-3": 1, "7": 7} {
		if r := replayOf(t, h, `{"since":0,"limit":`+limit+`}`); r == nil || r.Err != nil || r.Limit != want {
			t.Errorf("limit %s is read as %+v, want %d", limit, r, want)
		}
	}
}

func row169(t *testing.T, h *house) {
	for _, none := range []string{`null`, `123`} {
		if r := replayOf(t, h, none); r != nil {
			t.Errorf("%s is read as %+v", none, r)
		}
	}
}
