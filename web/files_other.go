//go:build !unix

package web

// fileLimit is how many files this process may have open, -1 if that is unknown.
func fileLimit() int64 { return -1 }
