#!/usr/bin/env bash
# Runs the micro-benchmarks of the packages that have some: bench.sh REGEXP BENCHTIME.
set -euo pipefail
cd "$(dirname "$0")/.."
packages=()
while IFS= read -r dir; do packages+=("$dir"); done < <(grep -rl --include='*_test.go' --exclude-dir=node_modules '^func Benchmark' . | xargs -n1 dirname | sort -u)
if ((${#packages[@]} == 0)); then
	echo "no benchmarks"
	exit 0
fi
go test -run '^$' -bench "${1:-.}" -benchtime "${2:-1s}" -benchmem "${packages[@]}"
