package changes

import (
	"context"
	"strconv"

	"realtime/postgres/wal"
	"realtime/protocol"
)

// timestampLayout is UTC with milliseconds; what is finer is cut off.
const timestampLayout = "2006-01-02T15:04:05.000Z"

// oldPart is how much of the old row a subscriber gets.
type oldPart uint8

const (
	oldNone     oldPart = iota
	oldIdentity         // what the replica identity says
	oldKeyOnly          // of that the primary key alone
)

// variant is one JSON of a row. Subscribers with the same one share its bytes.
type variant struct {
	shape *shape
	old   oldPart
	fault rowFault
}

// variantOf returns the JSON that an entry is due. Of a deleted row nothing but the key is shown under row security, since
// no policy can be asked about it.
func (r *batchRow) variantOf(e *entry, b *batch) variant {
	v := e.settledVariant(opIndex(r.Op))
	if e.group != nil {
		return r.narrowed(v, e.plan, b, &e.group.verdict, &e.sub.principal.verdict)
	}
	return r.narrowed(v, e.plan, b, &e.sub.principal.verdict)
}

// narrowed takes off the old image of an update what the policies may hide: under row security it is shown whole only if
// no column that the policies mention differs between both images, so that their answer is the same, or if they were
// asked about the old one as well; else the key alone is.
func (r *batchRow) narrowed(v variant, p *plan, b *batch, verdicts ...*verdict) variant {
	if v.old != oldIdentity || v.fault != noFault || !p.active || !r.differs(p) {
		return v
	}
	for _, d := range verdicts {
		if d.may(r, true, b) {
			return v
		}
	}
	if a := r.answer(p); a == nil || !a.anyoneOld {
		v.old = oldKeyOnly
	}
	return v
}

// differs reports whether policies may answer differently about the two images of the row.
func (r *batchRow) differs(p *plan) bool {
	if opIndex(r.Op) != opUpdate || r.OldKind != wal.OldFull {
		return false
	}
	if r.compared != p {
		r.compared, r.different = p, r.policiesMayDiffer(p)
	}
	return r.different
}

// policiesMayDiffer reports whether the two images of an update differ in what the policies look at.
func (r *batchRow) policiesMayDiffer(p *plan) bool {
	for i := range p.table.columns {
		if !p.whole && !p.mentions[i] {
			continue
		}
		was, ok1 := r.imageValue(i, true)
		is, ok2 := r.imageValue(i, false)
		if !ok1 || !ok2 || was.Kind != is.Kind || string(was.Data) != string(is.Data) {
			return true
		}
	}
	return false
}

// appendChange appends the data of one change: the object that clients get.
func (e *Engine) appendChange(dst []byte, r *batchRow, v variant) []byte {
	op := opIndex(r.Op)
	dst = append(dst, `{"schema":`...)
	dst = protocol.AppendString(dst, r.Rel.Schema)
	dst = append(dst, `,"table":`...)
	dst = protocol.AppendString(dst, r.Rel.Name)
	dst = append(dst, `,"type":"`...)
	dst = append(dst, r.Op.String()...)
	if v.fault != noFault {
		dst = append(dst, `","commit_timestamp":null,"columns":[],"record":{},"old_record":{},"errors":["`...)
		dst = append(dst, v.fault.text()...)
		return append(dst, `"]}`...)
	}
	dst = append(dst, `","commit_timestamp":"`...)
	dst = r.tx.Time.UTC().AppendFormat(dst, timestampLayout)
	dst = append(dst, `","columns":`...)
	dst = append(dst, v.shape.head...)
	large := e.tooLarge(r)
	if op != opDelete {
		dst = append(dst, `,"record":`...)
		dst = e.appendRecord(dst, r, v, false, large)
	}
	if op != opInsert {
		dst = append(dst, `,"old_record":`...)
		dst = e.appendRecord(dst, r, v, true, large)
	}
	if large {
		return append(dst, `,"errors":["Error 413: Payload Too Large"]}`...)
	}
	return append(dst, `,"errors":null}`...)
}

// appendRecord appends the new or old row as an object. What the stream does not have is left out; of a record that is
// too large, everything but small values.
func (e *Engine) appendRecord(dst []byte, r *batchRow, v variant, old, large bool) []byte {
	dst = append(dst, '{')
	empty := true
	for _, i := range v.shape.columns {
		col := &r.mapping.table.columns[i]
		if old && v.old == oldKeyOnly && !col.key {
			continue
		}
		value, ok := r.imageValue(i, old)
		if !ok || large && value.Kind == wal.Null {
			continue
		}
		mark := len(dst)
		if !empty {
			dst = append(dst, ',')
		}
		dst = protocol.AppendString(dst, col.name)
		dst = append(dst, ':')
		start := len(dst)
		dst = e.appendValue(dst, r, i, old, value)
		if large && len(dst)-start > smallValue {
			dst = dst[:mark]
			continue
		}
		empty = false
	}
	return append(dst, '}')
}

// appendValue appends one value as JSON.
func (e *Engine) appendValue(dst []byte, r *batchRow, column int, old bool, v wal.Value) []byte {
	if v.Kind != wal.Text {
		return append(dst, "null"...)
	}
	if done := r.completed[completedKey{column, old}]; done.json != nil {
		return append(dst, done.json...)
	}
	oid, mod := r.mapping.table.columns[column].oid, int32(-1)
	if at := r.mapping.position[column]; at >= 0 { // by the type that the row was written with
		oid, mod = r.Rel.Columns[at].Type, r.Rel.Columns[at].Mod
	}
	out, err := e.catalog.types.AppendJSON(dst, oid, mod, v.Data)
	if err != nil {
		e.counts.badValues.Add(1)
	}
	return out
}

// appendColumns appends the columns member: name and type of each, in the table's order.
func appendColumns(dst []byte, t *table, columns []int) []byte {
	dst = append(dst, '[')
	for n, i := range columns {
		if n > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, `{"name":`...)
		dst = protocol.AppendString(dst, t.columns[i].name)
		dst = append(dst, `,"type":`...)
		dst = protocol.AppendString(dst, t.columns[i].typeName)
		dst = append(dst, '}')
	}
	return append(dst, ']')
}

// loadRowTypes learns the types of relations that a later change of the table left behind.
func (e *Engine) loadRowTypes(ctx context.Context, b *batch) error {
	var oids []uint32
	for _, r := range b.rows {
		if r.mapping.typed {
			continue
		}
		r.mapping.typed = true
		for i := range r.Rel.Columns {
			if oid := r.Rel.Columns[i].Type; e.catalog.types.Name(oid) == "" {
				oids = append(oids, oid)
			}
		}
	}
	if len(oids) == 0 {
		return nil
	}
	return e.catalog.loadTypes(ctx, e.session, oids)
}

// smallValue is the most bytes that a value's JSON may have in a record that is too large.
const smallValue = 64

// tooLarge reports whether the record, as upstream's plugin would print it, has more than the most bytes allowed.
func (e *Engine) tooLarge(r *batchRow) bool {
	if r.large == 0 {
		r.large = 1
		if r.measure(e.o.MaxRecordBytes) {
			r.large = 2
		}
	}
	return r.large == 2
}

// digits is the length of a number.
func digits(n uint32) int { return len(strconv.FormatUint(uint64(n), 10)) }
