package authz

import (
	"context"

	"realtime/postgres"
)

// Ask asks the policies once, over a connection of its own: for tools. An error is a *codes.Fault, as of [Cache.Check].
func Ask(ctx context.Context, s postgres.Settings, r *Request) (*Grants, error) {
	conn, err := postgres.Connect(ctx, s)
	if err != nil {
		return nil, outage(err)
	}
	defer conn.Close(context.WithoutCancel(ctx)) // what it did is rolled back
	g, _, err := check(ctx, conn, r, nil)
	if err != nil {
		return nil, outage(err)
	}
	return g, nil
}
