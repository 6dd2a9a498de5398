package cases

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"strings"
	"testing"
	"time"
)

// names are what the placeholders of a test stand for: the same word is the same value in all its frames.
type names map[string]string

// match compares a JSON text with a wanted one. A string that begins with $ is a placeholder: "$R1" takes any string, and two
// placeholders never stand for one value; "$id" takes any number, "$now" a commit_timestamp of now; "$limit max_x" takes an object
// that describes the limit max_x, which is more than upstream says.
func (n names) match(got, want string) error {
	g, err := decode(got)
	if err != nil {
		return err
	}
	w, err := decode(want)
	if err != nil {
		return fmt.Errorf("wanted frame: %w", err)
	}
	tried := maps.Clone(n) // what is bound on the way to a difference does not count
	if !tried.same(g, w) {
		return fmt.Errorf("got  %.2000s\nwant %.2000s", got, want)
	}
	maps.Copy(n, tried)
	return nil
}

func (n names) same(g, w any) bool {
	switch w := w.(type) {
	case string:
		if name, ok := strings.CutPrefix(w, "$"); ok {
			return n.stands(g, name)
		}
	case map[string]any:
		return n.sameObject(g, w)
	case []any:
		list, ok := g.([]any)
		if !ok || len(list) != len(w) {
			return false
		}
		for i := range w {
			if !n.same(list[i], w[i]) {
				return false
			}
		}
		return true
	}
	return g == w
}

func (n names) sameObject(g any, w map[string]any) bool {
	object, ok := g.(map[string]any)
	if !ok {
		return false
	}
	for key, value := range w {
		if v, ok := object[key]; !ok || !n.same(v, value) {
			return false
		}
	}
	return len(object) == len(w)
}

func (n names) stands(g any, name string) bool {
	if setting, ok := strings.CutPrefix(name, "limit "); ok {
		return describes(g, setting)
	}
	if name == "id" {
		_, ok := g.(json.Number)
		return ok
	}
	s, ok := g.(string)
	if !ok {
		return false
	}
	if name == "now" {
		at, err := time.Parse("2006-01-02T15:04:05.000Z", s)
		return err == nil && time.Since(at).Abs() < time.Minute
	}
	if old, ok := n[name]; ok {
		return old == s
	}
	for _, other := range n {
		if other == s {
			return false
		}
	}
	n[name] = s
	return true
}

// describes reports whether v says which limit was hit, what is allowed and what was counted.
func describes(v any, setting string) bool {
	limit, _ := v.(map[string]any)
	_, allowed := limit["limit"].(json.Number)
	_, counted := limit["value"].(json.Number)
	return limit["name"] == setting && allowed && counted
}

// decode reads a JSON text. Unlike encoding/json it refuses an object with the same key twice, and keeps numbers as they are.
func decode(text string) (any, error) {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	v, err := value(d)
	if err != nil {
		return nil, fmt.Errorf("%w in %.300q", err, text)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("something behind the value in %.300q", text)
	}
	return v, nil
}

func value(d *json.Decoder) (any, error) {
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch token {
	case json.Delim('['):
		list := []any{}
		for d.More() {
			v, err := value(d)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		_, err = d.Token()
		return list, err
	case json.Delim('{'):
		return object(d)
	}
	return token, nil
}

func object(d *json.Decoder) (any, error) {
	m := map[string]any{}
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return nil, err
		}
		key, _ := token.(string)
		if _, twice := m[key]; twice {
			return nil, fmt.Errorf("key %q twice", key)
		}
		if m[key], err = value(d); err != nil {
			return nil, err
		}
	}
	_, err := d.Token()
	return m, err
}

// A comparison that takes anything would make every row pass.
func TestMatch(t *testing.T) {
	for _, c := range []struct {
		got, want string
		same      bool
	}{
		{`{"a":1,"b":[true,null]}`, `{"b":[true,null],"a":1}`, true},
		{`{"a":1}`, `{"a":1.0}`, false},
		{`{"a":1,"a":1}`, `{"a":1}`, false},
		{`{"a":1,"b":2}`, `{"a":1}`, false},
		{`[1]`, `[1,2]`, false},
		{`["x","x"]`, `["$R1","$R1"]`, true},
		{`["x","y"]`, `["$R1","$R1"]`, false},
		{`["x","x"]`, `["$R1","$R2"]`, false},
		{`{"limit":{"name":"max_x","limit":1,"value":2}}`, `{"limit":"$limit max_x"}`, true},
		{`{"limit":{"name":"max_y","limit":1,"value":2}}`, `{"limit":"$limit max_x"}`, false},
		{`"1"`, `"$id"`, false},
	} {
		if err := (names{}).match(c.got, c.want); (err == nil) != c.same {
			t.Errorf("%s and %s: %v, want same %v", c.got, c.want, err, c.same)
		}
	}
}
