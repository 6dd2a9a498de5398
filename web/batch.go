package web

import (
	"errors"
	"strings"

	"realtime/actors"
	"realtime/protocol"
)

// The validation texts of upstream.
const (
	textBlank    = "can't be blank"
	textInvalid  = "is invalid"
	textTooLarge = "Payload size exceeds tenant limit"
)

var errNotJSON = errors.New("the body is not JSON")

// batchError is the answer to a batch that breaks a rule: {"errors":{"messages":…}}, positional where the list itself is right.
type batchError struct{ body []byte }

func (e *batchError) Error() string { return "the batch breaks a rule" }

func listError(text string) *batchError {
	return &batchError{body: []byte(`{"errors":{"messages":["` + text + `"]}}`)}
}

// parseBatch reads {"messages":[…]}. One bad message refuses them all, with a *batchError; a body that is not JSON at all is
// errNotJSON. limit is the largest payload in bytes as received. The messages own their bytes.
func parseBatch(body []byte, limit int) ([]actors.Publication, error) {
	if len(body) == 0 {
		return nil, listError(textBlank)
	}
	if !protocol.Valid(body) {
		return nil, errNotJSON
	}
	list := field(body, "messages")
	if absent(list) {
		return nil, listError(textBlank)
	}
	var (
		batch    []actors.Publication
		problems = []byte(`{"errors":{"messages":[`)
		bad      bool
		shape    = true
	)
	isList := protocol.Array(list, func(v []byte) bool {
		if shape = v[0] == '{'; !shape {
			return false
		}
		m, why := parseMessage(v, limit)
		if bad = bad || len(why) > 0; len(batch) > 0 {
			problems = append(problems, ',')
		}
		problems = why.append(problems)
		batch = append(batch, m)
		return true
	})
	switch {
	case !isList || !shape:
		return nil, listError(textInvalid)
	case len(batch) == 0:
		return nil, listError(textBlank)
	case bad:
		return nil, &batchError{body: append(problems, "]}}"...)}
	}
	return batch, nil
}

// wrong are the problems of one message, a text for each field that has one.
type wrong []struct{ field, text string }

// with adds the problem of a field; no text is no problem.
func (w wrong) with(field, text string) wrong {
	if text == "" {
		return w
	}
	return append(w, struct{ field, text string }{field, text})
}

// append appends w as a JSON object. Its strings need no escaping.
func (w wrong) append(dst []byte) []byte {
	dst = append(dst, '{')
	for i, p := range w {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, `"`+p.field+`":["`+p.text+`"]`...)
	}
	return append(dst, '}')
}

// parseMessage reads one message of a batch.
func parseMessage(v []byte, limit int) (actors.Publication, wrong) {
	var topic, event, payload, private, id []byte
	protocol.Object(v, func(key, value []byte) bool {
		switch string(key) {
		case "topic":
			topic = value
		case "event":
			event = value
		case "payload":
			payload = value
		case "private":
			private = value
		case "id":
			id = value
		}
		return true
	})
	var (
		m    actors.Publication
		b    = protocol.Broadcast{Form: protocol.FormUserJSON, Payload: payload}
		why  wrong
		text string
		name string
	)
	m.Topic, text = required(topic)
	why = why.with("topic", text)
	name, text = required(event)
	b.Event = []byte(name)
	why = why.with("event", text)
	why = why.with("payload", payloadProblem(payload, limit))
	m.Private, text = boolean(private)
	why = why.with("private", text)
	if !absent(id) {
		var ok bool
		if b.ID, ok = protocol.StringValue(id); !ok {
			why = why.with("id", textInvalid)
		}
	}
	if len(why) == 0 {
		m.Broadcast = protocol.Broadcast{Form: protocol.FormPayload, Payload: b.AppendPayload(nil)}
	}
	return m, why
}

// payloadProblem says what is wrong with a payload, "" for nothing. It must be an object.
func payloadProblem(v []byte, limit int) string {
	switch {
	case absent(v):
		return textBlank
	case v[0] != '{':
		return textInvalid
	case len(v) > limit:
		return textTooLarge
	}
	return ""
}

// required reads a string that must be there and say something.
func required(v []byte) (value, problem string) {
	if absent(v) {
		return "", textBlank
	}
	value, ok := protocol.StringValue(v)
	if !ok {
		return "", textInvalid
	}
	if strings.TrimSpace(value) == "" {
		return "", textBlank
	}
	return value, ""
}

// boolean reads a flag that is false by default, in the forms that upstream's casts take.
func boolean(v []byte) (value bool, problem string) {
	switch string(v) {
	case `true`, `"true"`, `"1"`:
		return true, ""
	case ``, `null`, `false`, `"false"`, `"0"`, `""`:
		return false, ""
	}
	return false, textInvalid
}

// field is the raw value of a key, the last one if it is repeated, nil without it or if object is none.
func field(object []byte, name string) []byte {
	var found []byte
	protocol.Object(object, func(key, value []byte) bool {
		if string(key) == name {
			found = value
		}
		return true
	})
	return found
}

func absent(v []byte) bool { return len(v) == 0 || string(v) == "null" }
