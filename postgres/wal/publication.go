package wal

import (
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

// checkPublication refuses names that cannot be a publication's. Any other is quoted where it is used.
func checkPublication(name string) error {
	if name == "" || len(name) > maxName || strings.ContainsRune(name, 0) {
		return fmt.Errorf("publication name %q is not 1 to %d bytes", name, maxName)
	}
	return nil
}

// checkSlot refuses names that Postgres would refuse.
func checkSlot(name string) error {
	if name == "" || len(name) > maxName {
		return fmt.Errorf("slot name %q is not 1 to %d bytes", name, maxName)
	}
	for _, c := range []byte(name) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' {
			return fmt.Errorf("slot name %q has characters besides a-z, 0-9 and _", name)
		}
	}
	return nil
}

func (o *Options) check() error {
	return errors.Join(checkSlot(o.Slot), checkPublication(o.Publication))
}

// pluginArgs are pgoutput's options. Version 1 of the protocol sends a transaction when it has committed; messages are
// asked for, so that they may carry notices in WAL order.
func (o *Options) pluginArgs() []string {
	return []string{
		"proto_version '1'",
		"publication_names " + quoteText(quoteName(o.Publication)),
		"messages 'true'",
	}
}

// quoteName quotes an identifier.
func quoteName(name string) string { return pgx.Identifier{name}.Sanitize() }

// quoteText quotes a string literal, under standard_conforming_strings.
func quoteText(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
