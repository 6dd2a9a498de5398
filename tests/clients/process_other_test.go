//go:build !linux

package clients

import "testing"

// databaseProcesses are the databases below dir; their children end with them.
func databaseProcesses(t *testing.T, dir string) []string {
	t.Helper()
	return postmasters(t, dir)
}
