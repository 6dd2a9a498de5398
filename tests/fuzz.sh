#!/usr/bin/env bash
# Runs every fuzz target for the time given, one after the other: Go fuzzes one
# target at a time.
set -euo pipefail
cd "$(dirname "$0")/.."
time=${1:-10s}
count=0
while IFS=: read -r file line; do
	target=${line#func }
	target=${target%%(*}
	echo "-- fuzz ${file%/*} $target"
	go test "./${file%/*}" -run '^$' -fuzz "^$target\$" -fuzztime "$time"
	count=$((count + 1))
done < <(grep -rho --include='*_test.go' --exclude-dir=node_modules -H 'func Fuzz[A-Za-z0-9_]*(' . | sed 's|^\./||' | sort)
echo "$count fuzz targets ran for $time each"
