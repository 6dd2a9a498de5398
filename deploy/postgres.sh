#!/usr/bin/env bash
# Makes sure that Postgres' own programs are on this machine: does nothing if
# they are, installs them where it knows the package manager, else says what to
# type. The server starts a database of its own from them; no service is set up.
set -euo pipefail

found() {
	[[ -n ${REALTIME_PG_BIN:-} ]] && return 0
	command -v initdb >/dev/null && command -v postgres >/dev/null && return 0
	local dir
	for dir in /usr/lib/postgresql/*/bin /usr/pgsql-*/bin /opt/homebrew/opt/postgresql*/bin /usr/local/opt/postgresql*/bin; do
		[[ -x $dir/initdb && -x $dir/postgres ]] && return 0
	done
	return 1
}

# Debian's package would start a database service of its own; this keeps it from
# doing so while ours is installed.
install_debian() {
	local root=() conf=/etc/postgresql-common/createcluster.d/realtime.conf
	[[ $(id -u) == 0 ]] || root=(sudo)
	export DEBIAN_FRONTEND=noninteractive
	"${root[@]}" apt-get update -q
	"${root[@]}" mkdir -p "${conf%/*}"
	echo 'create_main_cluster = false' | "${root[@]}" tee "$conf" >/dev/null
	"${root[@]}" apt-get install -y -q postgresql postgresql-client || { "${root[@]}" rm -f "$conf"; return 1; }
	"${root[@]}" rm -f "$conf"
}

if found; then
	exit 0
fi
echo "Postgres is not installed; installing it (the database programs only, no service)."
if command -v apt-get >/dev/null && { [[ $(id -u) == 0 ]] || command -v sudo >/dev/null; }; then
	install_debian
elif command -v brew >/dev/null; then
	brew install postgresql@17
fi
if ! found; then
	cat >&2 <<'TEXT'
Postgres could not be installed from here. Install it, then run this again:
  Debian, Ubuntu   sudo apt-get install postgresql
  Fedora, RHEL     sudo dnf install postgresql-server
  Alpine           sudo apk add postgresql
  Arch             sudo pacman -S postgresql
  macOS            brew install postgresql@17
or say where its programs are: REALTIME_PG_BIN=/path/to/bin
TEXT
	exit 1
fi
