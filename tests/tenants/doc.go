// Package tenants gives tests a store of tenants on a database of theirs, and writes rows into it.
package tenants
