package authz

import (
	"context"
	"errors"

	"realtime/postgres"
	"realtime/protocol/codes"
)

var (
	errBusy = errors.New("no connection of the tenant's pool became free in time")
	errEnd  = errors.New("the tenant's database is being closed")
)

// outage is the fault of a check that got no answer from the database.
func outage(err error) *codes.Fault {
	f := codes.Of(err)
	switch {
	case f.Code != codes.UnknownError:
		return f
	case errors.Is(err, errBusy):
		return codes.Wrap(codes.IncreaseConnectionPool, err, "")
	case postgres.IsTooManyConnections(err):
		return codes.Wrap(codes.DatabaseLackOfConnections, err, "")
	case postgres.IsConnection(err), errors.Is(err, errEnd), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return codes.Wrap(codes.UnableToConnectToProject, err, "")
	case postgres.IsQueryCanceled(err):
		return codes.Wrap(codes.QueryCanceled, err, "")
	default:
		return codes.Wrap(codes.UnableToSetPolicies, err, "")
	}
}
