package authz

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"slices"
	"time"

	"realtime/protocol/codes"
)

// Request is who asks about which topic. It is not changed once it was handed over.
type Request struct {
	Topic   string            // without the prefix realtime:
	Role    string            // the token's role, verbatim; "" cannot be asked about and is denied
	Subject string            // the token's sub, "" if it has none
	Claims  string            // all claims as a JSON object
	Headers map[string]string // of the request, names in lower case: what policies see as request.headers
	Wants   []Decision        // a known answer that allows none of them is not believed: nobody is refused out of memory
	Fresh   bool              // ask even if the answer is known
}

// headers is the request's headers as policies see them, one JSON object.
func (r *Request) headers() []byte {
	if len(r.Headers) == 0 {
		return []byte("{}")
	}
	b, err := json.Marshal(r.Headers) // sorts the names
	if err != nil {
		return []byte("{}") // cannot be: strings always marshal
	}
	return b
}

// key is what two requests with the same answer have in common.
type key [sha256.Size]byte

// wanted reports whether g allows any of what is wanted.
func (r *Request) wanted(g *Grants) bool { return slices.ContainsFunc(r.Wants, g.May) }

// keyOf hashes a request, so that no claim is kept. headers nil: they do not matter.
func keyOf(r *Request, headers []byte) key {
	h := sha256.New()
	for _, part := range [][]byte{[]byte(r.Topic), []byte(r.Role), []byte(r.Subject), []byte(r.Claims), headers} {
		var n [8]byte
		binary.BigEndian.PutUint64(n[:], uint64(len(part)))
		h.Write(n[:])
		h.Write(part)
	}
	return key(h.Sum(nil))
}

// Decision is one question about a topic.
type Decision uint8

// The decisions. Reading is a SELECT policy, writing an INSERT policy.
const (
	ReadBroadcast Decision = iota
	ReadPresence
	WriteBroadcast
	WritePresence
	WritePersistence
	decisions = iota
)

// All lists the decisions.
func All() []Decision {
	return []Decision{ReadBroadcast, ReadPresence, WriteBroadcast, WritePresence, WritePersistence}
}

// String names the decision in words.
func (d Decision) String() string {
	return [decisions]string{"read broadcast", "read presence", "write broadcast", "write presence", "write persistence"}[d]
}

// Extension is the value of the column extension that a policy is asked about.
func (d Decision) Extension() string {
	return [decisions]string{"broadcast", "presence", "broadcast", "presence", "persistence"}[d]
}

// Reads reports whether a SELECT policy decides, not an INSERT policy.
func (d Decision) Reads() bool { return d <= ReadPresence }

// Verdict is the answer to one decision.
type Verdict struct {
	Allowed bool
	// Policy says whether there is any permissive policy for this kind of access that applies to the role, or the role needs none.
	Policy bool
	// Err is why nothing could be decided, which denies: RlsPolicyError, QueryCanceled or MissingPartition. nil: it was decided.
	Err *codes.Fault
	// Took is how long the database took.
	Took time.Duration
}

// Grants are the verdicts about one request. Immutable.
type Grants struct {
	verdicts [decisions]Verdict
	// Policies names the policies that were asked, "" if that is not known; they change it.
	Policies string
	// Took is the whole transaction with the way there and back.
	Took time.Duration
}

// May reports whether d is allowed. Without grants nothing is.
func (g *Grants) May(d Decision) bool { return g != nil && g.verdicts[d].Allowed }

// Verdict is the whole answer to d.
func (g *Grants) Verdict(d Decision) Verdict { return g.verdicts[d] }

// Err is the fault of the first of some decisions that could not be made, nil if all were.
func (g *Grants) Err(of ...Decision) *codes.Fault {
	for _, d := range of {
		if f := g.verdicts[d].Err; f != nil {
			return f
		}
	}
	return nil
}
