package authz

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"realtime/postgres"
	"realtime/protocol/codes"
)

var errNoRole = errors.New("the token's role is empty or none, which is no role")

// segmentOf is where each decision is made.
var segmentOf = [decisions]int{
	ReadBroadcast: segReadBroadcast, ReadPresence: segReadPresence,
	WriteBroadcast: segWriteBroadcast, WritePresence: segWritePresence, WritePersistence: segWritePersistence,
}

// judge makes verdicts of the answers. It fails when the transaction could not even begin.
func judge(a *[segments]reply, c *catalog, start time.Time) (*Grants, *catalog, error) {
	if err := a[segBegin].err; err != nil && !strings.HasPrefix(postgres.State(err), "22") { // class 22: a value of the token's that is no text
		return nil, nil, fmt.Errorf("begin to check policies: %w", err)
	}
	if c == nil && a[segBegin].err == nil {
		var err error
		if c, err = readCatalog(&a[segCatalog]); err != nil {
			return nil, nil, err
		}
		c.at = start
	}
	g := &Grants{}
	if c != nil {
		g.Policies = c.print
	}
	for _, d := range All() {
		// What a question needs goes before it: the first that failed is why it was not decided.
		before := []int{segBegin, segRole}
		if d.Reads() {
			before = []int{segBegin, segRows, segReadRole}
		}
		v := &g.verdicts[d]
		own := &a[segmentOf[d]]
		v.Took = own.took
		v.Policy = c != nil && (d.Reads() && c.read || !d.Reads() && c.write)
		for _, s := range before {
			if v.Err == nil {
				v.Err = faultOf(a[s].err)
			}
		}
		switch {
		case v.Err != nil:
		case own.err == nil:
			v.Allowed = !d.Reads() || len(own.row) > 0
		case !d.Reads() && postgres.IsInsufficientPrivilege(own.err):
			// The policies, or a missing grant, say no.
		default:
			v.Err = faultOf(own.err)
		}
	}
	return g, c, nil
}

// nobody is the answer to a role that Postgres would not become: none is its word for being whom it connected as, who may do
// anything. There can be no role of that name.
func nobody() *Grants {
	g := &Grants{}
	for i := range g.verdicts {
		g.verdicts[i].Err = codes.Wrap(codes.RlsPolicyError, errNoRole, "")
	}
	return g
}

// faultOf gives an error of the database a code, as upstream classifies it.
func faultOf(err error) *codes.Fault {
	e, ok := errors.AsType[*pgconn.PgError](err)
	switch {
	case err == nil:
		return nil
	case postgres.IsQueryCanceled(err):
		return codes.Wrap(codes.QueryCanceled, err, "")
	case ok && e.Code == "23514" && e.SchemaName == "realtime" && e.TableName == "messages":
		return codes.Wrap(codes.MissingPartition, err, "")
	default:
		return codes.Wrap(codes.RlsPolicyError, err, "")
	}
}
