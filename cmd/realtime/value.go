package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// value is how one setting is read: the name of its kind and what it wants, for
// people, and the function that checks a text and stores it.
type value struct {
	kind string
	want string
	set  func(c *Config, text string) error
}

// errWant says that a text is not what its setting wants. The setting's own
// words say what that is, so the error carries none.
var errWant = errors.New("not what the setting wants")

func text(field func(*Config) *string) value {
	return value{"string", "a text", func(c *Config, s string) error {
		*field(c) = s
		return nil
	}}
}

// exactly wants a text of n bytes, the length of a cipher key.
func exactly(n int, field func(*Config) *string) value {
	return value{"string", fmt.Sprintf("exactly %d bytes", n), func(c *Config, s string) error {
		if len(s) != n {
			return fmt.Errorf("it has %d bytes", len(s))
		}
		*field(c) = s
		return nil
	}}
}

func matching(pattern, want string, field func(*Config) *string) value {
	whole := regexp.MustCompile("^(?:" + pattern + ")$")
	return value{"string", want, func(c *Config, s string) error {
		if !whole.MatchString(s) {
			return errWant
		}
		*field(c) = s
		return nil
	}}
}

func oneOf(words []string, field func(*Config) *string) value {
	return value{"word", strings.Join(words, " or "), func(c *Config, s string) error {
		s = strings.ToLower(strings.TrimSpace(s))
		if !slices.Contains(words, s) {
			return errWant
		}
		*field(c) = s
		return nil
	}}
}

// integer accepts what upstream accepts, an optional sign and digits, and the
// spaces around them that compose files leave.
func integer(low, high int, field func(*Config) *int) value {
	return value{"integer", wholeNumber(low, high), func(c *Config, s string) error {
		n, err := strconv.Atoi(strings.TrimSpace(s))
		if err != nil || n < low || n > high {
			return errWant
		}
		*field(c) = n
		return nil
	}}
}

func wholeNumber(low, high int) string {
	if high == math.MaxInt32 {
		return fmt.Sprintf("a whole number, %d or more", low)
	}
	return fmt.Sprintf("a whole number from %d to %d", low, high)
}

// limit is a number that counts only once it is set: nil leaves what the tenant
// has, or the default of its kind, in force.
func limit(field func(*Config) **int) value {
	return value{"integer", wholeNumber(1, math.MaxInt32), func(c *Config, s string) error {
		n, err := strconv.Atoi(strings.TrimSpace(s))
		if err != nil || n < 1 || n > math.MaxInt32 {
			return errWant
		}
		*field(c) = &n
		return nil
	}}
}

// objectText is a JSON object, kept as text.
func objectText(field func(*Config) *string) value {
	return value{"JSON", `a JSON object such as {"iss":"me"}, in double quotes`, func(c *Config, s string) error {
		if _, err := object(s); err != nil {
			return errWant
		}
		*field(c) = s
		return nil
	}}
}

// millis is a duration written as a whole number of milliseconds.
func millis(low int, field func(*Config) *time.Duration) value {
	return millisTo(low, math.MaxInt32, field)
}

func millisTo(low, high int, field func(*Config) *time.Duration) value {
	return value{"milliseconds", wholeNumber(low, high) + ", in milliseconds", func(c *Config, s string) error {
		n, err := strconv.Atoi(strings.TrimSpace(s))
		if err != nil || n < low || n > high {
			return errWant
		}
		*field(c) = time.Duration(n) * time.Millisecond
		return nil
	}}
}

func boolean(field func(*Config) *bool) value {
	return value{"boolean", "true, false, 1 or 0", func(c *Config, s string) error {
		switch strings.ToLower(strings.TrimSpace(s)) {
		case "true", "1":
			*field(c) = true
		case "false", "0":
			*field(c) = false
		default:
			return errWant
		}
		return nil
	}}
}

// keySet is a JSON Web Key Set in any of the forms people have it in: the object
// with "keys", the array alone, or one key. It is kept as the object.
func keySet(field func(*Config) *string) value {
	return value{"JSON", `a JSON Web Key Set such as {"keys":[…]}, one key, or an array of keys`, func(c *Config, s string) error {
		var v any
		if err := json.Unmarshal([]byte(s), &v); err != nil {
			return errors.New("it is not JSON")
		}
		switch v := v.(type) {
		case []any:
			s = `{"keys":` + s + `}`
		case map[string]any:
			if v["kty"] != nil {
				s = `{"keys":[` + s + `]}`
			} else if _, list := v["keys"].([]any); !list {
				return errWant
			}
		default:
			return errWant
		}
		*field(c) = s
		return nil
	}}
}

// tokens is a list of tokens.
func tokens(field func(*Config) *[]string) value {
	return value{"list", "tokens between commas", func(c *Config, s string) error {
		var list []string
		for token := range strings.SplitSeq(s, ",") {
			if token = strings.TrimSpace(token); token != "" {
				list = append(list, token)
			}
		}
		*field(c) = list
		return nil
	}}
}

// hostMap is a list of host=tenant.
func hostMap(field func(*Config) *map[string]string) value {
	return value{"list", "host=tenant,host=tenant, hosts without a port", func(c *Config, s string) error {
		m := map[string]string{}
		for pair := range strings.SplitSeq(s, ",") {
			host, tenant, ok := strings.Cut(strings.TrimSpace(pair), "=")
			if !ok || host == "" || tenant == "" || strings.ContainsAny(host, ":/ ") {
				return errWant
			}
			m[strings.ToLower(host)] = tenant
		}
		*field(c) = m
		return nil
	}}
}

// labels is a list of name=value.
func labels(field func(*Config) *[]string) value {
	return value{"list", "name=value,name=value", func(c *Config, s string) error {
		var list []string
		for pair := range strings.SplitSeq(s, ",") {
			pair = strings.TrimSpace(pair)
			if name, _, ok := strings.Cut(pair, "="); !ok || name == "" {
				return errWant
			}
			list = append(list, pair)
		}
		*field(c) = list
		return nil
	}}
}

// logLevels are upstream's words. slog has no names for some of them; the
// numbers keep their order.
var logLevels = []struct {
	word  string
	level slog.Level
}{
	{"emergency", slog.LevelError + 8},
	{"alert", slog.LevelError + 6},
	{"critical", slog.LevelError + 4},
	{"error", slog.LevelError},
	{"warning", slog.LevelWarn},
	{"notice", slog.LevelInfo + 2},
	{"info", slog.LevelInfo},
	{"debug", slog.LevelDebug},
}

func logLevel(field func(*Config) *slog.Level) value {
	words := make([]string, len(logLevels))
	for i, l := range logLevels {
		words[i] = l.word
	}
	return value{"word", strings.Join(words, ", "), func(c *Config, s string) error {
		s = strings.ToLower(strings.TrimSpace(s))
		if s == "warn" {
			s = "warning"
		}
		i := slices.Index(words, s)
		if i < 0 {
			return errWant
		}
		*field(c) = logLevels[i].level
		return nil
	}}
}
