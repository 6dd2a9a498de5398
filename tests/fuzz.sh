#!/usr/bin/env bash
# Runs every fuzz target for the time given, one after the other: Go fuzzes one
# target at a time. A run that ends with nothing but "context deadline exceeded"
# has found nothing: a worker was busy when the time was over (golang/go#75804).
set -euo pipefail
cd "$(dirname "$0")/.."
time=${1:-10s}
count=0
out=$(mktemp)
trap 'rm -f "$out"' EXIT

fuzz() { # package target
	go test "./$1" -run '^$' -fuzz "^$2\$" -fuzztime "$time" 2>&1 | tee "$out" && return
	grep -q 'context deadline exceeded' "$out" && ! grep -q -e 'Failing input' -e 'panic:' -e '_test.go:' "$out"
}

while IFS=: read -r file line; do
	target=${line#func }
	target=${target%%(*}
	echo "-- fuzz ${file%/*} $target"
	fuzz "${file%/*}" "$target"
	count=$((count + 1))
done < <(grep -rho --include='*_test.go' --exclude-dir=node_modules -H 'func Fuzz[A-Za-z0-9_]*(' . | sed 's|^\./||' | sort)
echo "$count fuzz targets ran for $time each"
