package postgres

import (
	"errors"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// settingName is what Postgres takes for the name of a run-time parameter.
var settingName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_$.]*$`)

// spaces separate the words of a startup packet's options, unless a backslash stands before them.
const spaces = " \t\n\v\f\r"

// optionsOf writes run-time parameters as libpq's options do, "-c name=value -c …", sorted by name. What has no name that could
// stand there is left out.
func optionsOf(params map[string]string) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(params)) {
		if !settingName.MatchString(name) {
			continue
		}
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		b.WriteString("-c " + name + "=")
		for _, c := range []byte(params[name]) {
			if c == '\\' || strings.IndexByte(spaces, c) >= 0 {
				b.WriteByte('\\')
			}
			b.WriteByte(c)
		}
	}
	return b.String()
}

var errOptions = errors.New("options has more than -c name=value and --name=value in it")

// readOptions takes run-time parameters out of libpq's options.
func readOptions(text string) (map[string]string, error) {
	params := map[string]string{}
	words := splitOptions(text)
	for i := 0; i < len(words); i++ {
		w := words[i]
		switch {
		case w == "-c" && i+1 < len(words):
			i++
			w = words[i]
		case strings.HasPrefix(w, "--"):
			w = w[2:]
		case strings.HasPrefix(w, "-c"):
			w = w[2:]
		default:
			return nil, errOptions
		}
		name, value, ok := strings.Cut(w, "=")
		name = strings.ReplaceAll(name, "-", "_")
		if !ok || !settingName.MatchString(name) {
			return nil, errOptions
		}
		params[name] = value
	}
	return params, nil
}

// splitOptions splits as the server does: at white space, where a backslash makes the next character an ordinary one.
func splitOptions(text string) []string {
	var words []string
	var word []byte
	open := false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case strings.IndexByte(spaces, c) >= 0:
			if open {
				words, word, open = append(words, string(word)), nil, false
			}
		case c == '\\' && i+1 < len(text):
			i++
			word, open = append(word, text[i]), true
		case c == '\\':
			open = true
		default:
			word, open = append(word, c), true
		}
	}
	if open {
		words = append(words, string(word))
	}
	return words
}
