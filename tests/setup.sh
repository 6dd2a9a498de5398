#!/usr/bin/env bash
# Installs the npm packages of every folder below tests/ that has a lock file,
# unless they are there already.
set -euo pipefail
cd "$(dirname "$0")"

if ! command -v npm >/dev/null; then
	if command -v apt-get >/dev/null && [[ $(id -u) == 0 ]]; then
		DEBIAN_FRONTEND=noninteractive apt-get update -q
		DEBIAN_FRONTEND=noninteractive apt-get install -y -q nodejs npm
	else
		echo "The tests drive the JavaScript clients: install Node.js 20 or later with npm, then run this again." >&2
		exit 1
	fi
fi
# npm leaves out what is not for this machine; tests of those say so and are skipped.
for lock in */package-lock.json; do
	[[ -e $lock ]] || continue
	dir=${lock%/*}
	if [[ ! $dir/node_modules/.package-lock.json -nt $lock ]]; then
		(cd "$dir" && npm ci --no-audit --no-fund --loglevel=error)
		touch "$dir/node_modules/.package-lock.json"
	fi
done
