package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	connectTimeout = 15 * time.Second // to make one connection, all its addresses together
	idleLimit      = 5 * time.Minute  // a pool closes what nobody used for so long
	lifeLimit      = time.Hour        // and replaces each connection now and then, so that a moved server is found
	lifeJitter     = 5 * time.Minute
	pingLimit      = 5 * time.Second // an idle connection that does not answer in this time is replaced
)

// Connect opens one connection. It gives up after 15 s even when ctx would wait longer.
func Connect(ctx context.Context, s Settings) (*pgx.Conn, error) {
	c, err := s.Config()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	conn, err := pgx.ConnectConfig(ctx, c)
	if err != nil {
		return nil, fmt.Errorf("connect to Postgres: %w", withoutTLS(err))
	}
	return conn, nil
}

// Pool is a pool of connections to one database, for those who may not import pgx: they hand it to the packages here.
type Pool = pgxpool.Pool

// PoolConn is a connection of a Pool.
type PoolConn = pgxpool.Conn

// OpenPool opens a pool of at most size connections (at least 1) and proves that one can be made. It keeps none open
// that nobody uses. Every call on the pool needs a context with a deadline: waiting for a free connection has no other end.
func OpenPool(ctx context.Context, s Settings, size int) (*Pool, error) {
	conn, err := s.Config()
	if err != nil {
		return nil, err
	}
	if size < 1 || size > 10000 {
		return nil, fmt.Errorf("open pool: size %d is not between 1 and 10000", size)
	}
	c, err := pgxpool.ParseConfig(base)
	if err != nil {
		return nil, fmt.Errorf("open pool: %w", err)
	}
	c.ConnConfig = conn
	c.MaxConns = int32(size)
	c.MaxConnIdleTime, c.MaxConnLifetime, c.MaxConnLifetimeJitter, c.PingTimeout = idleLimit, lifeLimit, lifeJitter, pingLimit
	pool, err := pgxpool.NewWithConfig(ctx, c)
	if err != nil {
		return nil, fmt.Errorf("open pool: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	if err := pool.Ping(ctx); err != nil {
		pool.Close()
		return nil, fmt.Errorf("connect to Postgres: %w", withoutTLS(err))
	}
	return pool, nil
}
