// Package embedded runs a Postgres server of our own over the binaries that are installed on this machine.
package embedded
