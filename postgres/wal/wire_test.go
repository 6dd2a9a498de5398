package wal

import (
	"encoding/binary"
	"time"
)

// wire writes pgoutput messages, one after another, for the decoder to read.
type wire struct{ messages [][]byte }

func (w *wire) add(kind byte, parts ...any) *wire {
	msg := []byte{kind}
	for _, p := range parts {
		switch p := p.(type) {
		case byte:
			msg = append(msg, p)
		case rune:
			msg = append(msg, byte(p))
		case uint16:
			msg = binary.BigEndian.AppendUint16(msg, p)
		case uint32:
			msg = binary.BigEndian.AppendUint32(msg, p)
		case LSN:
			msg = binary.BigEndian.AppendUint64(msg, uint64(p))
		case time.Time:
			msg = binary.BigEndian.AppendUint64(msg, uint64(p.UnixMicro()-y2k))
		case string:
			msg = append(append(msg, p...), 0)
		case Tuple:
			msg = binary.BigEndian.AppendUint16(msg, uint16(len(p)))
			for _, v := range p {
				msg = append(msg, v.Kind)
				if v.Kind == Text {
					msg = binary.BigEndian.AppendUint32(msg, uint32(len(v.Data)))
					msg = append(msg, v.Data...)
				}
			}
		default:
			panic("wire: unknown part")
		}
	}
	w.messages = append(w.messages, msg)
	return w
}

// noon is when every transaction of these tests commits.
var noon = time.Date(2024, 2, 29, 12, 0, 0, 123456000, time.UTC)

func (w *wire) begin(xid uint32, commit LSN) *wire { return w.add(msgBegin, commit, noon, xid) }

func (w *wire) commit(commit, end LSN) *wire { return w.add(msgCommit, byte(0), commit, end, noon) }

func (w *wire) relation(r *Relation) *wire {
	parts := []any{r.OID, r.Schema, r.Name, r.Identity, uint16(len(r.Columns))}
	for _, c := range r.Columns {
		var key byte
		if c.Key {
			key = 1
		}
		parts = append(parts, key, c.Name, c.Type, uint32(c.Mod))
	}
	return w.add(msgRelation, parts...)
}

func (w *wire) row(r Row) *wire {
	parts := []any{r.Rel.OID}
	if r.OldKind != OldNone {
		parts = append(parts, r.OldKind, r.Old)
	}
	if r.New != nil {
		parts = append(parts, 'N', r.New)
	}
	return w.add(byte(r.Op), parts...)
}

// texts makes a tuple of texts; "-" is NULL, "~" unchanged.
func texts(values ...string) Tuple {
	t := make(Tuple, len(values))
	for i, v := range values {
		switch v {
		case "-":
			t[i].Kind = Null
		case "~":
			t[i].Kind = Unchanged
		default:
			t[i] = Value{Text, []byte(v)}
		}
	}
	return t
}

// pair is a table of two columns.
var pair = &Relation{OID: 7, Schema: "public", Name: "pair", Identity: 'd', Columns: []Column{
	{Name: "id", Type: 23, Mod: -1, Key: true}, {Name: "note", Type: 25, Mod: -1},
}}
