// Package postgres runs what depends on the server's own version on every major of Postgres that can be had: the one of the
// machine, and those of the npm packages that tests/setup.sh puts into node_modules here.
//
//	go test ./tests/postgres -run 'TestMajors/18'
//
// Where there is no package for the machine, or none is installed, the major is skipped and says so.
package postgres
