package protocol

import (
	"math"
	"strconv"
	"time"

	"realtime/protocol/codes"
)

// Persist asks for a broadcast to be stored after it was sent.
type Persist struct {
	TTL time.Duration // how long it can be replayed, whole seconds; 0: as long as messages are kept
	Err error         // *codes.Fault UnableToPersistMessage if the request is of no use; the broadcast is sent all the same
}

var (
	errPersist = codes.New(codes.UnableToPersistMessage, `Persist must be true, or {"ttl": <seconds>}`)
	errTTL     = codes.New(codes.UnableToPersistMessage, "The ttl of persist must be a whole number of seconds above 0")
)

// ParsePersist reads the metadata of a broadcast: {"persist":true} or {"persist":{"ttl":60}}. nil: nobody asks for storage.
func ParsePersist(meta []byte) *Persist {
	var persist []byte
	Object(meta, func(key, value []byte) bool {
		if string(key) == "persist" {
			persist = value
		}
		return true
	})
	switch {
	case isNull(persist), string(persist) == "false":
		return nil
	case string(persist) == "true":
		return &Persist{}
	case persist[0] != '{':
		return &Persist{Err: errPersist}
	}
	var ttl []byte
	pick(persist, member{"ttl", &ttl})
	if isNull(ttl) {
		return &Persist{}
	}
	return persistFor(string(ttl))
}

// PersistQuery reads the query of a broadcast over HTTP: persist=true or persist[ttl]=60, as text; "" is absent. nil: nobody
// asks for storage.
func PersistQuery(persist, ttl string) *Persist {
	switch {
	case ttl != "":
		return persistFor(ttl)
	case persist == "" || persist == "false":
		return nil
	case persist == "true":
		return &Persist{}
	}
	return &Persist{Err: errPersist}
}

// persistFor reads seconds. More than a Duration holds is for ever.
func persistFor(seconds string) *Persist {
	n, err := strconv.ParseInt(seconds, 10, 64)
	switch {
	case err != nil || n <= 0 || seconds[0] == '+':
		return &Persist{Err: errTTL}
	case n > int64(math.MaxInt64/time.Second):
		return &Persist{}
	}
	return &Persist{TTL: time.Duration(n) * time.Second}
}

// AppendStored appends the response of a reply to a broadcast that was stored, with the id of the row.
func AppendStored(dst []byte, id string) []byte {
	return append(AppendString(append(dst, `{"id":`...), id), '}')
}

// AppendNotStored appends the response of an error reply to a broadcast that was sent but not stored. Clients show what stands
// under error.
func AppendNotStored(dst []byte, reason string) []byte {
	dst = AppendString(append(dst, `{"error":`...), reason)
	return append(AppendString(append(dst, `,"reason":`...), reason), '}')
}
