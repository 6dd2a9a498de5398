package changes

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// closure is everything that a policy can reach: functions it calls, their bodies, the policies of tables and the rules
// of views it reads. What a tree names is certain. What a function's text names is a guess by words, on the safe side.
type closure struct {
	references
	self uint32 // the table whose policies are read already

	volatile   bool // a function that the policy calls is VOLATILE
	stateful   bool // the text of a function has words that change session state
	immutable  bool // a function outside of pg_catalog is IMMUTABLE
	procedural bool // a function keeps plans for the session (PL/pgSQL)
	sqlBodies  bool // a function is written in SQL
	unreadable bool // a tree or language is not understood

	// direct are the functions that Postgres itself calls for the policy, not some function's body. Their volatility
	// counts: what a body calls is covered by what its own function has promised.
	direct map[uint32]bool
}

func newClosure(self uint32) *closure {
	return &closure{references: *newReferences(), self: self, direct: map[uint32]bool{}}
}

// add takes over what one tree names. direct says that the tree is part of the policy, not of a function's body.
func (c *closure) add(r *references, direct bool) {
	maps.Copy(c.funcs, r.funcs)
	if direct {
		maps.Copy(c.direct, r.funcs)
	}
	maps.Copy(c.ops, r.ops)
	maps.Copy(c.rels, r.rels)
	maps.Copy(c.types, r.types)
	c.sequence = c.sequence || r.sequence
}

// maxClosureRounds bounds the search; each round follows one level of calls.
const maxClosureRounds = 50

// expand follows references until nothing new is found.
func (c *closure) expand(ctx context.Context, s *session) error {
	done := newReferences()
	for range maxClosureRounds {
		news := references{
			funcs: minus(c.funcs, done.funcs), ops: minus(c.ops, done.ops),
			rels: minus(c.rels, done.rels), types: minus(c.types, done.types),
		}
		if len(news.funcs)+len(news.ops)+len(news.rels)+len(news.types) == 0 {
			return c.judge(ctx, s)
		}
		maps.Copy(done.funcs, news.funcs)
		maps.Copy(done.ops, news.ops)
		maps.Copy(done.rels, news.rels)
		maps.Copy(done.types, news.types)
		if err := c.round(ctx, s, &news); err != nil {
			return err
		}
	}
	c.unreadable = true
	return nil
}

// judge asks for the volatility of what the policy calls.
func (c *closure) judge(ctx context.Context, s *session) error {
	volatile, err := s.oids(ctx, "select oid from pg_catalog.pg_proc where oid = any($1::pg_catalog.oid[]) and provolatile = 'v'", sortedKeys(c.direct))
	c.volatile = c.sequence || len(volatile) > 0
	return err
}

// round follows one level.
func (c *closure) round(ctx context.Context, s *session, news *references) error {
	operators, err := s.oids(ctx, operatorsSQL, sortedKeys(news.ops))
	if err != nil {
		return err
	}
	for _, oid := range operators {
		c.funcs[oid], c.direct[oid] = true, true
	}
	trees, err := s.trees(ctx, relationsSQL, sortedKeys(news.rels), c.self)
	if err != nil {
		return err
	}
	domains, err := s.trees(ctx, domainsSQL, sortedKeys(news.types))
	if err != nil {
		return err
	}
	c.trees(append(trees, domains...), true)
	words, err := c.functions(ctx, s, sortedKeys(news.funcs))
	if err != nil || len(words.names) == 0 {
		return err
	}
	return c.named(ctx, s, words)
}

// trees adds what each tree names.
func (c *closure) trees(texts []string, direct bool) {
	for _, text := range texts {
		r := newReferences()
		c.unreadable = !r.read(text) || c.unreadable
		c.add(r, direct)
	}
}

// functions looks at functions and returns the words of their bodies.
func (c *closure) functions(ctx context.Context, s *session, oids []uint32) (bodyWords, error) {
	words := bodyWords{names: map[string]bool{}, operators: map[string]bool{}}
	var bodies []string
	err := s.rows(ctx, func(r pgx.Rows) error {
		var volatility, language, source string
		var builtin bool
		var tree *string
		if err := r.Scan(&volatility, &language, &builtin, &source, &tree); err != nil {
			return err
		}
		c.immutable = c.immutable || volatility == "i" && !builtin
		switch language {
		case "internal", "c":
		case "sql", "plpgsql":
			c.procedural = c.procedural || language == "plpgsql"
			c.sqlBodies = c.sqlBodies || language == "sql"
			if tree != nil {
				bodies = append(bodies, *tree)
			}
			words.read(source)
		default:
			c.procedural, c.stateful = true, true // nobody knows what it keeps
		}
		return nil
	}, functionsSQL, oids)
	c.trees(bodies, false)
	c.stateful = c.stateful || words.stateful()
	return words, err
}

// named adds what the words of function bodies may mean.
func (c *closure) named(ctx context.Context, s *session, words bodyWords) error {
	names := slices.Sorted(maps.Keys(words.names))
	functions, err := s.oids(ctx, namedFunctionsSQL, names, slices.Sorted(maps.Keys(words.operators)))
	if err != nil {
		return err
	}
	for _, oid := range functions {
		c.funcs[oid] = true
	}
	relations, err := s.oids(ctx, namedRelationsSQL, names)
	for _, oid := range relations {
		c.rels[oid] = true
	}
	return err
}

func minus(a, b map[uint32]bool) map[uint32]bool {
	out := map[uint32]bool{}
	for oid := range a {
		if !b[oid] {
			out[oid] = true
		}
	}
	return out
}

// bodyWords are the identifiers and operators that occur in the text of functions.
type bodyWords struct{ names, operators map[string]bool }

// read adds every word of text, as it stands and in lower case, and every run of operator characters with its parts.
func (w *bodyWords) read(text string) {
	isWord := func(r rune) bool {
		return r == '_' || r == '$' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r > 0x7f
	}
	for _, word := range strings.FieldsFunc(text, func(r rune) bool { return !isWord(r) }) {
		w.names[word], w.names[strings.ToLower(word)] = true, true
	}
	for i, quoted := range strings.Split(text, `"`) {
		if i > 0 && len(quoted) <= 63 {
			w.names[quoted] = true // between two quotes, or between a closing and an opening one: one of them is a name
		}
	}
	const operatorChars = "+-*/<>=~!@#%^&|`?"
	for _, run := range strings.FieldsFunc(text, func(r rune) bool { return !strings.ContainsRune(operatorChars, r) }) {
		for i := range min(len(run), 8) {
			for j := i + 1; j <= min(len(run), 8); j++ {
				w.operators[run[i:j]] = true
			}
		}
	}
}

// stateful reports words that may change settings or sequences, which the next row would see.
func (w *bodyWords) stateful() bool {
	return w.names["set_config"] || w.names["nextval"] || w.names["setval"] || w.names["set"] || w.names["execute"]
}
