#!/usr/bin/env bash
# Runs every fuzz target for the time given, one after the other: Go fuzzes one
# target at a time. A package is built once for all its targets, as `go test`
# would do for each. A run that ends with nothing but "context deadline exceeded"
# has found nothing: a worker was busy when the time was over (golang/go#75804).
set -euo pipefail
cd "$(dirname "$0")/.."
time=${1:-10s}
count=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cache=$(go env GOCACHE)/fuzz

fuzz() { # package target
	(cd "$1" && "$work/test" -test.run '^$' -test.fuzz "^$2\$" -test.fuzztime "$time" -test.fuzzcachedir "$cache/$built") 2>&1 | tee "$work/out" && return
	grep -q 'context deadline exceeded' "$work/out" && ! grep -q -e 'Failing input' -e 'panic:' -e '_test.go:' "$work/out"
}

built=
while IFS=: read -r file line; do
	target=${line#func }
	target=${target%%(*}
	package=${file%/*}
	echo "-- fuzz $package $target"
	if [ "$built" != "realtime/$package" ]; then
		go test -c -fuzz . -o "$work/test" "./$package"
		built=realtime/$package
	fi
	fuzz "$package" "$target"
	count=$((count + 1))
done < <(grep -rho --include='*_test.go' --exclude-dir=node_modules -H 'func Fuzz[A-Za-z0-9_]*(' . | sed 's|^\./||' | sort)
echo "$count fuzz targets ran for $time each"
