#!/usr/bin/env bash
# Runs the micro-benchmarks of the packages that have some: bench.sh REGEXP BENCHTIME.
set -euo pipefail
cd "$(dirname "$0")/.."
mapfile -t packages < <(grep -rl --include='*_test.go' --exclude-dir=node_modules '^func Benchmark' . | xargs -rn1 dirname | sort -u)
if ((${#packages[@]} == 0)); then
	echo "no benchmarks"
	exit 0
fi
go test -run '^$' -bench "${1:-.}" -benchtime "${2:-1s}" -benchmem "${packages[@]}"
