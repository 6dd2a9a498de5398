// Package program builds the server's binary once for a test run, and starts, watches and stops it as an operator would:
// by its environment, its log and its signals. It is for tests that need the whole program; what can be asked of a
// package alone is asked there.
package program
