package changes

import (
	"fmt"
	"math/big"
	"sort"
	"strconv"
	"strings"
	"unicode"

	"realtime/protocol"
)

// Limits of Elixir's `inspect`: items of one container, characters of one string.
const (
	inspectItems = 50
	inspectChars = 4096
)

// inspect renders a term as Elixir's function of that name does.
func inspect(term doc) string { return render(term) }

// stringsTerm is a list of strings.
func stringsTerm(list []string) doc {
	items := make([]doc, len(list))
	for i, s := range list {
		items[i] = stringTerm(s)
	}
	return listTerm(items)
}

// filtersTerm is a list of 4-tuples: column, operator, value, negated.
func filtersTerm(list []Condition) doc {
	items := make([]doc, len(list))
	for i, c := range list {
		items[i] = container("{", []doc{
			stringTerm(c.Column), stringTerm(string(c.Op)), stringTerm(c.Value),
			docText(strconv.FormatBool(c.Negate)),
		}, "}", true)
	}
	return listTerm(items)
}

// listTerm flows when all items are plain.
func listTerm(items []doc) doc {
	flow := true
	for _, item := range items {
		_, plain := item.(docText)
		flow = flow && plain
	}
	return container("[", capItems(items), "]", flow)
}

func capItems(items []doc) []doc {
	if len(items) > inspectItems {
		return append(items[:inspectItems:inspectItems], docText("..."))
	}
	return items
}

// jsonTerm is the term that a JSON value becomes. raw is valid JSON.
func jsonTerm(raw []byte) doc {
	text := strings.TrimSpace(string(raw))
	switch {
	case text == "null":
		return docText("nil")
	case text == "" || text == "true" || text == "false":
		return docText(text)
	case text[0] == '{':
		return mapTerm([]byte(text))
	case text[0] == '[':
		var items []doc
		protocol.Array([]byte(text), func(value []byte) bool {
			items = append(items, jsonTerm(value))
			return true
		})
		return listTerm(items)
	case text[0] == '"':
		s, _ := protocol.StringValue([]byte(text))
		return stringTerm(s)
	default:
		return docText(numberTerm(text))
	}
}

// mapTerm shows the keys in order; of a repeated one the last counts.
func mapTerm(raw []byte) doc {
	values := map[string][]byte{}
	protocol.Object(raw, func(key, value []byte) bool {
		values[string(key)] = value
		return true
	})
	names := make([]string, 0, len(values))
	for name := range values {
		names = append(names, name)
	}
	sort.Strings(names)
	items := make([]doc, len(names))
	for i, name := range names {
		items[i] = docConcat{stringTerm(name), docText(" => "), jsonTerm(values[name])}
	}
	return container("%{", capItems(items), "}", false)
}

// numberTerm: integers of any size stay, everything else is a float in its shortest form.
func numberTerm(text string) string {
	if !strings.ContainsAny(text, ".eE") {
		if n, ok := new(big.Int).SetString(text, 10); ok {
			return n.String()
		}
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return text
	}
	mantissa, exponent, _ := strings.Cut(strconv.FormatFloat(f, 'e', -1, 64), "e")
	if !strings.Contains(mantissa, ".") {
		mantissa += ".0"
	}
	n, _ := strconv.Atoi(exponent)
	scientific := mantissa + "e" + strconv.Itoa(n)
	plain := strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(plain, ".") {
		plain += ".0"
	}
	if len(plain) <= len(scientific) {
		return plain
	}
	return scientific
}

// stringTerm is a string with Elixir's escapes.
func stringTerm(s string) doc {
	var b strings.Builder
	b.WriteByte('"')
	chars := 0
	for i, r := range s {
		if chars == inspectChars {
			return docText(b.String() + `" <> ...`)
		}
		chars++
		switch {
		case r == '#' && strings.HasPrefix(s[i:], "#{"):
			b.WriteString(`\#`)
		case strings.ContainsRune("\"\\\a\b\x7f\x1b\f\n\r\t\v\x00", r):
			b.WriteString(escapes[r])
		case r < 0x20:
			fmt.Fprintf(&b, `\x%02X`, r)
		case !unicode.IsPrint(r) && !unicode.IsSpace(r):
			fmt.Fprintf(&b, `\x{%X}`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return docText(b.String())
}

var escapes = map[rune]string{
	'"': `\"`, '\\': `\\`, '\a': `\a`, '\b': `\b`, 0x7f: `\d`, 0x1b: `\e`, '\f': `\f`, '\n': `\n`, '\r': `\r`, '\t': `\t`,
	'\v': `\v`, 0: `\0`,
}
