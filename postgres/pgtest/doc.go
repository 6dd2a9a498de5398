// Package pgtest gives every test a fresh database on a real Postgres server.
package pgtest
