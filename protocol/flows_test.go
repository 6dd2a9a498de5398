package protocol

import "testing"

// flow is one frame of the server: how we make it, and what the documentation of the protocol shows.
type flow struct {
	name  string
	frame []byte
	says  string
}

const room = "realtime:room"

var (
	roomJSON = []byte(`"realtime:room"`)
	nullRef  = Ref{}
)

func ref(s string) Ref { return Ref{raw: []byte(`"` + s + `"`)} }

// flows returns the frames of the documented flows, each in both versions.
func flows() []flow {
	var all []flow
	both := func(name string, make func(v Version) []byte, v2, v1 string) {
		all = append(all, flow{name + ", version 2", make(V2), v2}, flow{name + ", version 1", make(V1), v1})
	}
	reply := func(joinRef, r, status, response string) func(v Version) []byte {
		return func(v Version) []byte {
			return AppendReply(nil, v, ref(joinRef), ref(r), roomJSON, status, []byte(response))
		}
	}
	push := func(joinRef Ref, event, payload string) func(v Version) []byte {
		return func(v Version) []byte { return AppendPush(nil, v, joinRef, roomJSON, event, []byte(payload)) }
	}
	broadcast := func(b Broadcast, joinRef Ref) func(v Version) []byte {
		return func(v Version) []byte { return b.AppendFrame(nil, v, joinRef, room, roomJSON) }
	}

	both("heartbeat", func(v Version) []byte {
		return AppendReply(nil, v, nullRef, ref("1"), []byte(`"phoenix"`), StatusOK, nil)
	},
		`[null,"1","phoenix","phx_reply",{"status":"ok","response":{}}]`,
		`{"topic":"phoenix","event":"phx_reply","payload":{"status":"ok","response":{}},"ref":"1"}`)
	both("join", reply("1", "1", StatusOK, `{"postgres_changes":[]}`),
		`["1","1","realtime:room","phx_reply",{"status":"ok","response":{"postgres_changes":[]}}]`,
		`{"topic":"realtime:room","event":"phx_reply","payload":{"status":"ok","response":{"postgres_changes":[]}},"ref":"1"}`)
	both("broadcast of text", broadcast(Broadcast{Payload: []byte(`{"type":"broadcast","event":"e","payload":{"m":1}}`)}, nullRef),
		`[null,null,"realtime:room","broadcast",{"type":"broadcast","event":"e","payload":{"m":1}}]`,
		`{"topic":"realtime:room","event":"broadcast","payload":{"type":"broadcast","event":"e","payload":{"m":1}},"ref":null}`)
	both("broadcast of kind 3, json", broadcast(Broadcast{Form: FormUserJSON, Event: []byte("e"), Payload: []byte(`{"m":3}`)}, nullRef),
		"\x04\x0d\x01\x00\x01"+`realtime:roome{"m":3}`,
		`{"topic":"realtime:room","event":"broadcast","payload":{"type":"broadcast","event":"e","payload":{"m":3}},"ref":null}`)
	bytesFrame := Broadcast{Form: FormUserBinary, Event: []byte("e"), Payload: []byte{1, 2, 0xff}}
	all = append(all, flow{"broadcast of kind 3, bytes, version 2", broadcast(bytesFrame, nullRef)(V2), "\x04\x0d\x01\x00\x00realtime:roome\x01\x02\xff"})
	both("empty presence state", push(ref("1"), EventPresenceState, `{}`),
		`["1",null,"realtime:room","presence_state",{}]`,
		`{"topic":"realtime:room","event":"presence_state","payload":{},"ref":null}`)
	both("presence diff", push(nullRef, EventPresenceDiff, `{"joins":{"k1":{"metas":[{"phx_ref":"R1","u":1}]}},"leaves":{}}`),
		`[null,null,"realtime:room","presence_diff",{"joins":{"k1":{"metas":[{"phx_ref":"R1","u":1}]}},"leaves":{}}]`,
		`{"topic":"realtime:room","event":"presence_diff","payload":{"joins":{"k1":{"metas":[{"phx_ref":"R1","u":1}]}},"leaves":{}},"ref":null}`)
	all = append(all, changeFlows()...)
	both("refused join", reply("1", "1", StatusError, string(AppendReason(nil, "Unauthorized: You do not have permissions to read from this Channel topic: room"))),
		`["1","1","realtime:room","phx_reply",{"status":"error","response":{"reason":"Unauthorized: You do not have permissions to read from this Channel topic: room"}}]`,
		`{"topic":"realtime:room","event":"phx_reply","payload":{"status":"error","response":{"reason":"Unauthorized: You do not have permissions to read from this Channel topic: room"}},"ref":"1"}`)
	both("replayed json", broadcast(Broadcast{Form: FormUserJSON, Event: []byte("old"), Payload: []byte(`{"n":1}`), ID: "1111", Replayed: true}, ref("1")),
		`["1",null,"realtime:room","broadcast",{"event":"old","meta":{"id":"1111","replayed":true},"payload":{"n":1},"type":"broadcast"}]`,
		`{"topic":"realtime:room","event":"broadcast","payload":{"event":"old","meta":{"id":"1111","replayed":true},"payload":{"n":1},"type":"broadcast"},"ref":null}`)
	const id = "22222222-2222-4222-8222-222222222222"
	replayed := Broadcast{Form: FormUserBinary, Event: []byte("old-bin"), Payload: []byte{1, 2, 3}, ID: id, Replayed: true}
	all = append(all, flow{
		"replayed bytes, version 2", broadcast(replayed, ref("1"))(V2),
		"\x04\x0d\x07\x3d\x00" + `realtime:roomold-bin{"id":"` + id + `","replayed":true}` + "\x01\x02\x03",
	})
	both("broadcast from the database", broadcast(Broadcast{Form: FormUserJSON, Event: []byte("e"), Payload: []byte(`{"a":1}`), ID: id}, nullRef),
		"\x04\x0d\x01\x2d\x01"+`realtime:roome{"id":"`+id+`"}{"a":1}`,
		`{"topic":"realtime:room","event":"broadcast","payload":{"event":"e","meta":{"id":"`+id+`"},"payload":{"a":1},"type":"broadcast"},"ref":null}`)
	return append(all, endingFlows()...)
}

// changeFlows are the answers and messages of a channel with change entries.
func changeFlows() []flow {
	var all []flow
	join, err := ParseJoin([]byte(`{"config":{"postgres_changes":[{"event":"INSERT","schema":"public"},{"event":"*","schema":"public"}]}}`))
	if err != nil {
		panic(err)
	}
	data := []byte(`{"columns":[{"name":"id","type":"int4"}],"commit_timestamp":"2026-01-01T00:00:00.000Z","errors":null,"record":{"id":1},"schema":"public","table":"t","type":"INSERT"}`)
	system := AppendSystem(nil, ExtensionPostgresChanges, StatusOK, MessageSubscribed, "room")
	legacy := []ChangeEntry{LegacyEntry("public:t")}
	legacy[0].ID = 7 // the documentation leaves it open
	for _, v := range []Version{V2, V1} {
		open, end := `["1","1","realtime:room","phx_reply",`, `]`
		if v == V1 {
			open, end = `{"topic":"realtime:room","event":"phx_reply","payload":`, `,"ref":"1"}`
		}
		name := ", version " + v.String()[:1]
		all = append(all,
			flow{
				"join with entries" + name, AppendReply(nil, v, ref("1"), ref("1"), roomJSON, StatusOK, AppendJoinResponse(nil, join.Changes)),
				open + `{"status":"ok","response":{"postgres_changes":[{"id":100468891,"event":"INSERT","schema":"public"},{"id":74307548,"event":"*","schema":"public"}]}}` + end,
			},
			flow{
				"legacy join" + name, AppendReply(nil, v, ref("1"), ref("1"), roomJSON, StatusOK, AppendJoinResponse(nil, legacy)),
				open + `{"status":"ok","response":{"postgres_changes":[{"id":7,"schema":"public","table":"t"}]}}` + end,
			},
		)
		open, end = `["1",null,"realtime:room","system",`, `]`
		if v == V1 {
			open, end = `{"topic":"realtime:room","event":"system","payload":`, `,"ref":null}`
		}
		all = append(all, flow{
			"subscribed" + name, AppendPush(nil, v, ref("1"), roomJSON, EventSystem, system),
			open + `{"channel":"room","extension":"postgres_changes","message":"Subscribed to PostgreSQL","status":"ok"}` + end,
		})
		open, end = `[null,null,"realtime:room","postgres_changes",`, `]`
		if v == V1 {
			open, end = `{"topic":"realtime:room","event":"postgres_changes","payload":`, `,"ref":null}`
		}
		all = append(all, flow{
			"change" + name, AppendPush(nil, v, nullRef, roomJSON, EventPostgresChanges, AppendChange(nil, []int64{74307548, 100468891}, data)),
			open + `{"ids":[74307548,100468891],"data":` + string(data) + `}` + end,
		})
	}
	return all
}

// endingFlows are the ways in which a channel ends.
func endingFlows() []flow {
	expired := AppendSystem(nil, ExtensionSystem, StatusError, "Token has expired 10 seconds ago", "room")
	disconnect := AppendSystem(nil, ExtensionSystem, StatusOK, MessageDisconnect, "")
	unmatched := AppendReason(nil, ReasonUnmatchedTopic)
	return []flow{
		{"system error, version 2", AppendPush(nil, V2, ref("1"), roomJSON, EventSystem, expired), `["1",null,"realtime:room","system",{"channel":"room","extension":"system","message":"Token has expired 10 seconds ago","status":"error"}]`},
		{"system error, version 1", AppendPush(nil, V1, ref("1"), roomJSON, EventSystem, expired), `{"topic":"realtime:room","event":"system","payload":{"channel":"room","extension":"system","message":"Token has expired 10 seconds ago","status":"error"},"ref":null}`},
		{"close, version 2", AppendPhxClose(nil, V2, ref("1"), roomJSON), `["1","1","realtime:room","phx_close",{}]`},
		{"close, version 1", AppendPhxClose(nil, V1, ref("1"), roomJSON), `{"topic":"realtime:room","event":"phx_close","payload":{},"ref":"1"}`},
		{"close without join_ref, version 2", AppendPhxClose(nil, V2, nullRef, roomJSON), `[null,null,"realtime:room","phx_close",{}]`},
		{"close without join_ref, version 1", AppendPhxClose(nil, V1, nullRef, roomJSON), `{"topic":"realtime:room","event":"phx_close","payload":{},"ref":null}`},
		{"crash, version 2", AppendPhxError(nil, V2, ref("1"), roomJSON), `["1","1","realtime:room","phx_error",{"reason":"channel_crash"}]`},
		{"crash, version 1", AppendPhxError(nil, V1, ref("1"), roomJSON), `{"topic":"realtime:room","event":"phx_error","payload":{"reason":"channel_crash"},"ref":"1"}`},
		{"unmatched topic, version 2", AppendReply(nil, V2, nullRef, ref("6"), []byte(`{"a":1}`), StatusError, unmatched), `[null,"6",{"a":1},"phx_reply",{"status":"error","response":{"reason":"unmatched topic"}}]`},
		{"unmatched topic, version 1", AppendReply(nil, V1, nullRef, ref("5"), []byte(`"realtime:nope"`), StatusError, unmatched), `{"topic":"realtime:nope","event":"phx_reply","payload":{"status":"error","response":{"reason":"unmatched topic"}},"ref":"5"}`},
		{"disconnect, version 2", AppendPush(nil, V2, nullRef, roomJSON, EventSystem, disconnect), `[null,null,"realtime:room","system",{"extension":"system","message":"Server requested disconnect","status":"ok"}]`},
		{"disconnect, version 1", AppendPush(nil, V1, nullRef, roomJSON, EventSystem, disconnect), `{"topic":"realtime:room","event":"system","payload":{"extension":"system","message":"Server requested disconnect","status":"ok"},"ref":null}`},
	}
}

// The frames of clients in the same flows can be decoded.
func TestFlowsOfClients(t *testing.T) {
	for frame, v := range map[string]Version{
		`[null,"1","phoenix","heartbeat",{}]`:                            V2,
		`{"topic":"phoenix","event":"heartbeat","payload":{},"ref":"1"}`: V1,
		`["1","1","realtime:room","phx_join",{"config":{"broadcast":{"self":true,"ack":true},"presence":{"key":"","enabled":false},"postgres_changes":[],"private":false},"access_token":"<jwt>"}]`: V2,
		`{"topic":"realtime:room","event":"phx_join","payload":{"config":{"broadcast":{"self":true,"ack":true},"private":false}},"ref":"1","join_ref":"1"}`:                                         V1,
		`["1","2","realtime:room","broadcast",{"type":"broadcast","event":"e","payload":{"m":1}}]`:                                                                                                  V2,
		`{"topic":"realtime:room","event":"presence","payload":{"type":"presence","event":"track","payload":{"u":1}},"ref":"2","join_ref":"1"}`:                                                     V1,
		`["1","4","realtime:room","presence",{"type":"presence","event":"untrack"}]`:                                                                                                                V2,
		`{"topic":"realtime:public:t","event":"phx_join","payload":{"user_token":"<jwt>"},"ref":"1"}`:                                                                                               V1,
		`["1","9","realtime:room","access_token",{"access_token":"<new jwt>"}]`:                                                                                                                     V2,
		`{"topic":"realtime:room","event":"phx_leave","payload":{},"ref":"11","join_ref":"1"}`:                                                                                                      V1,
	} {
		var m Message
		if err := v.Decode([]byte(frame), false, &m); err != nil || m.Topic == nil || m.Event == nil {
			t.Errorf("%s: %v, %+v", frame, err, m)
		}
	}
}
