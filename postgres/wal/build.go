package wal

import "time"

// The size of a part of a transaction. A row that is larger than maxPartBytes makes a part of its own.
const (
	maxPartRows  = 1000
	maxPartBytes = 1 << 20
)

// maxChunk bounds the growth of the memory that row images are copied to, in bytes.
const maxChunk = 256 << 10

// builder collects the rows of one transaction into parts. A row image is copied once, from the connection's buffer
// into the part's; values alias the copy. Chunks grow, so that a lone row takes what it needs and a long transaction
// allocates seldom; they are never reused: parts are immutable, and the collector frees them.
type builder struct {
	xid    uint32
	commit LSN
	time   time.Time
	index  int // of the next row

	part   *Tx // nil: no row since begin or the last cut
	data   []byte
	values []Value
	chunk  int // size of data's next chunk
	slab   int // length of values' next chunk
}

// begin starts a transaction.
func (b *builder) begin(xid uint32, commit LSN, at time.Time) {
	*b = builder{xid: xid, commit: commit, time: at}
}

// room returns the full part to be sent before a row of size bytes is added, or nil.
func (b *builder) room(size int) *Tx {
	if b.part == nil || len(b.part.Rows) < maxPartRows && b.part.Bytes+size <= maxPartBytes {
		return nil
	}
	return b.cut()
}

// finish ends the transaction and returns its last part, nil if it had no rows.
func (b *builder) finish(end LSN) *Tx {
	tx := b.cut()
	if tx != nil {
		tx.End, tx.Last = end, true
	}
	return tx
}

// cut gives the part away, with the memory its rows live in.
func (b *builder) cut() *Tx {
	tx := b.part
	b.part, b.data, b.values = nil, nil, nil
	return tx
}

// add appends a row whose images were made with copy and tuple.
func (b *builder) add(r Row, size int) {
	if b.part == nil {
		b.part = &Tx{XID: b.xid, Commit: b.commit, Time: b.time}
	}
	r.Index = b.index
	b.index++
	b.part.Rows = append(b.part.Rows, r)
	b.part.Bytes += size
}

// copy returns a copy of src in the part's memory.
func (b *builder) copy(src []byte) []byte {
	if cap(b.data)-len(b.data) < len(src) {
		b.data = make([]byte, 0, max(len(src), b.chunk))
		b.chunk = min(max(2*cap(b.data), 1024), maxChunk)
	}
	from := len(b.data)
	b.data = append(b.data, src...)
	return b.data[from:len(b.data):len(b.data)]
}

// tuple returns room for n values in the part's memory.
func (b *builder) tuple(n int) Tuple {
	if cap(b.values)-len(b.values) < n {
		b.values = make([]Value, 0, max(n, b.slab))
		b.slab = min(max(2*cap(b.values), 32), maxChunk/64)
	}
	from := len(b.values)
	b.values = b.values[:from+n]
	return Tuple(b.values[from : from+n : from+n])
}
