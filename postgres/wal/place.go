package wal

import (
	"crypto/rand"
	"encoding/hex"
)

// Place is how far a reader of transactions has come: everything up to End, and of the one that commits at Commit the
// first Rows rows. It outlives the stream: the next one goes on From there, and nothing is delivered twice. The zero
// Place is none.
type Place struct {
	End    LSN
	Commit LSN // 0: no transaction is half done
	Rows   int
}

// After returns the place after a part was dealt with. Parts come in order.
func (p Place) After(tx *Tx) Place {
	if tx.Last {
		return Place{End: tx.End}
	}
	return Place{End: p.End, Commit: tx.Commit, Rows: tx.Rows[len(tx.Rows)-1].Index + 1}
}

// past returns the place when nothing up to l is of interest any more.
func (p Place) past(l LSN) Place {
	p.End = max(p.End, l)
	return p
}

// maxName is the length of the longest identifier, in bytes. Postgres cuts longer ones, which may then be another's.
const maxName = 63

// Unique returns a slot name of its own, for a temporary slot: nobody else's, not even that of an earlier connection
// which the server has not given up yet, is in its way.
func Unique(slot string) string {
	var b [4]byte
	_, _ = rand.Read(b[:]) // never fails
	return slot[:min(len(slot), maxName-9)] + "_" + hex.EncodeToString(b[:])
}
