package wal

import (
	"fmt"
	"strings"
)

// show prints a row in one line: the operation, the table, old image after <, new after >, NULL as -, unchanged as ~.
func show(r Row) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s", r.Op, r.Rel.Name)
	if r.OldKind != OldNone {
		fmt.Fprintf(&b, " %c<%s", r.OldKind, showTuple(r.Old))
	}
	if r.New != nil {
		fmt.Fprintf(&b, " >%s", showTuple(r.New))
	}
	return b.String()
}

func showTuple(t Tuple) string {
	var parts []string
	for _, v := range t {
		switch v.Kind {
		case Null:
			parts = append(parts, "-")
		case Unchanged:
			parts = append(parts, "~")
		default:
			text := string(v.Data)
			if len(text) > 20 {
				text = fmt.Sprintf("%s…%d", text[:3], len(text))
			}
			parts = append(parts, text)
		}
	}
	return strings.Join(parts, ",")
}

func showTx(tx *Tx) []string {
	var rows []string
	for _, r := range tx.Rows {
		rows = append(rows, show(r))
	}
	return rows
}
