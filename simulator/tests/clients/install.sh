#!/bin/sh
# Installs the official clients that official_clients.rs runs against a region: install.sh DIRECTORY
# With them comes Prometheus' own client, whose parser reads what the plugin tells as metrics (tests/metrics.rs).
# Makes DIRECTORY/venv and DIRECTORY/node_modules in the versions pinned beside this file; does nothing if they are there.
# Needs python3 with venv, node and npm (Debian: apt-get install -y python3-venv nodejs npm).
set -eu
here=$(cd "$(dirname "$0")" && pwd)
into=${1:?usage: install.sh DIRECTORY}
missing() {
    echo "$1 is missing; on Debian: apt-get install -y python3-venv nodejs npm" >&2
    exit 1
}
for program in python3 node npm; do
    command -v "$program" >/dev/null || missing "$program"
done
python3 -c 'import venv, ensurepip' 2>/dev/null || missing "the venv module of python3"
mkdir -p "$into"
into=$(cd "$into" && pwd)

wanted=$(cat "$here/requirements.txt"; python3 --version)
if [ "$(cat "$into/venv.installed" 2>/dev/null || true)" != "$wanted" ]; then
    rm -rf "$into/venv" "$into/venv.installed"
    python3 -m venv "$into/venv"
    "$into/venv/bin/python" -m pip install --quiet --disable-pip-version-check -r "$here/requirements.txt"
    printf '%s\n' "$wanted" >"$into/venv.installed"
fi

wanted=$(cat "$here/package.json" "$here/package-lock.json"; node --version)
if [ "$(cat "$into/node.installed" 2>/dev/null || true)" != "$wanted" ]; then
    rm -rf "$into/node_modules" "$into/node.installed"
    cp "$here/package.json" "$here/package-lock.json" "$into/"
    (cd "$into" && npm ci --no-audit --no-fund --loglevel=error)
    printf '%s\n' "$wanted" >"$into/node.installed"
fi
