#!/bin/sh
# Puts the pinned Node and the pinned Ghost into the cache, links .tools/ to them and installs this project's packages.
# Silent and quick when nothing is to be done; can be interrupted at any moment and started again.
#
# usage: sh scripts/bootstrap.sh [--help]
#
# Environment: GHOST_FLEET_CACHE   where built and fetched things live (default: ~/.cache/ghost-fleet)
set -eu
case "${1:-}" in
  -h | --help)
    sed -n '2,7s/^# \{0,1\}//p' "$0"
    exit 0
    ;;
esac

root=$(cd "$(dirname "$0")/.." && pwd -P)
. "$root/scripts/versions.env"
cache=${GHOST_FLEET_CACHE:-$HOME/.cache/ghost-fleet}
tools=$root/.tools

# One checksum over everything that decides what has to be installed, compared with what the last run left behind.
pins() {
  cat "$root/scripts/versions.env" "$root/scripts/bootstrap.sh" "$root/scripts/install-ghost.sh" \
    "$root/runtime/site/ghost.json" "$root/package-lock.json" | cksum
  echo "$cache"
}

up_to_date() {
  [ -f "$tools/.installed" ] && [ "$(cat "$tools/.installed")" = "$(pins)" ] &&
    [ -x "$tools/node/bin/node" ] && [ -f "$tools/ghost/package.json" ] && [ -d "$root/node_modules" ]
}

up_to_date && exit 0

step() { echo "bootstrap: $*" >&2; }
fail() {
  echo "bootstrap: $*" >&2
  exit 69
}

command -v node >/dev/null 2>&1 || fail 'expected some Node (20 or newer) on PATH; found none'
command -v npm >/dev/null 2>&1 || fail 'expected npm on PATH; found none'

mkdir -p "$tools" "$cache"

# Two runs at once in one checkout: the second waits for the first. A lock whose owner is gone is taken over.
lock=$tools/.lock
while ! (set -C && echo $$ >"$lock") 2>/dev/null; do
  owner=$(cat "$lock" 2>/dev/null || true)
  if [ -n "$owner" ] && kill -0 "$owner" 2>/dev/null; then sleep 1; else rm -f "$lock"; fi
done
partial=$cache/.partial-$$
cleanup() {
  rm -rf "$partial"
  rm -f "$lock"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
up_to_date && exit 0

# What an interrupted run left behind (kill -9 runs no trap) goes once its process is gone.
for left in "$cache"/.partial-*; do
  if [ -d "$left" ] && ! kill -0 "${left##*-}" 2>/dev/null; then rm -rf "$left"; fi
done

platform=$(node -p 'process.platform + "-" + process.arch')
npm_cli=$(node -e '
  const fs = require("node:fs"), path = require("node:path");
  const found = process.argv.slice(1).filter(Boolean).map((file) => fs.realpathSync(file));
  const cli = found.find((file) => /npm-cli\.js$/.test(file)) ??
    found.map((file) => path.join(path.dirname(file), "../lib/node_modules/npm/bin/npm-cli.js")).find((file) => fs.existsSync(file));
  process.stdout.write(cli ?? "");
' "${npm_execpath:-}" "$(command -v npm)")
[ -n "$npm_cli" ] || fail "expected npm's own npm-cli.js behind $(command -v npm); found none"

# install_into <dir>: moves what was made in $partial to its final place in one step, so that a cache entry is whole or absent.
install_into() {
  if [ ! -e "$1" ]; then mv "$partial" "$1" 2>/dev/null || [ -e "$1" ]; fi
  rm -rf "$partial"
}

node_dir=$cache/node-$NODE_VERSION-$platform
if [ ! -x "$node_dir/bin/node" ]; then
  step "Node $NODE_VERSION for $platform"
  rm -rf "$partial" && mkdir -p "$partial/fetch"
  (cd "$partial/fetch" && npm pack --silent "node-$platform@$NODE_VERSION" >/dev/null) ||
    fail "cannot fetch the npm package node-$platform@$NODE_VERSION"
  tar -xzf "$partial"/fetch/*.tgz -C "$partial" --strip-components=1
  rm -rf "$partial/fetch"
  install_into "$node_dir"
fi
rm -rf "$tools/node" && ln -s "$node_dir" "$tools/node"

# From here on everything, npm included, runs under the pinned Node, and native modules are compiled against its headers
# where no prebuilt binary can be had.
PATH=$node_dir/bin:$PATH
export PATH
npm_config_nodedir=$node_dir
export npm_config_nodedir

step "this project's packages (npm ci)"
# Install scripts stay off: some fetch plugins that are pinned elsewhere. The two that matter run below.
# Several times, since the npm of a run that was killed may go on for a moment in the same folder.
npm_ci() { (cd "$root" && node "$npm_cli" ci --ignore-scripts --loglevel="$1" >&2); }
npm_ci silent || { sleep 5 && npm_ci silent; } || { sleep 10 && npm_ci error; } || fail 'npm ci failed'

sqlite_version=$(node -p "require('$root/node_modules/better-sqlite3/package.json').version")
sqlite_cached=$cache/better-sqlite3-$sqlite_version-node-$NODE_VERSION-$platform.node
sqlite_release=$root/node_modules/better-sqlite3/build/Release
if [ ! -f "$sqlite_cached" ]; then
  step "better-sqlite3 $sqlite_version (compiles for about a minute where no prebuilt binary can be had)"
  # In a folder of this run's own: the compilers of a run that was killed may still be at work in theirs.
  rm -rf "$partial" && mkdir -p "$partial" && cp -R "$root/node_modules/better-sqlite3" "$partial/better-sqlite3"
  rm -rf "$partial/better-sqlite3/build"
  (cd "$partial/better-sqlite3" && PATH=$root/node_modules/.bin:$PATH &&
    { prebuild-install || node-gyp rebuild --release; } >"$cache/better-sqlite3-install.log" 2>&1) ||
    { tail -n 40 "$cache/better-sqlite3-install.log" >&2; fail 'better-sqlite3 could not be built'; }
  cp "$partial/better-sqlite3/build/Release/better_sqlite3.node" "$sqlite_cached.$$" && mv "$sqlite_cached.$$" "$sqlite_cached"
  rm -rf "$partial"
fi
mkdir -p "$sqlite_release" && cp "$sqlite_cached" "$sqlite_release/better_sqlite3.node"
(cd "$root" && node "$npm_cli" rebuild "@embedded-postgres/$platform" --loglevel=error >&2) ||
  fail "the PostgreSQL binaries for $platform could not be prepared"

NPM_CLI=$npm_cli GHOST_FLEET_CACHE=$cache sh "$root/scripts/install-ghost.sh"

pins >"$tools/.installed.$$" && mv "$tools/.installed.$$" "$tools/.installed"
step 'ready'
