// Package metrics makes every metric of a server move, and keeps docs/metrics.md and the dashboard in deploy/grafana true to what
// is exported.
package metrics
