// Package codes is the one table of everything that can go wrong, and the error type that carries a row of it.
package codes
