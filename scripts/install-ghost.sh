#!/bin/sh
# Installs one release of Ghost into the cache from its npm tarball with the lockfile that the tarball carries, and links
# .tools/ghost-<version> to it (.tools/ghost too when it is the pinned release). Prints nothing when it is there already.
#
# usage: sh scripts/install-ghost.sh [<version>]     (default: the release that runtime/site/ghost.json pins)
#
# Environment: GHOST_FLEET_CACHE   where it is installed (default: ~/.cache/ghost-fleet)
set -eu
case "${1:-}" in
  -h | --help)
    sed -n '2,8s/^# \{0,1\}//p' "$0"
    exit 0
    ;;
esac
root=$(cd "$(dirname "$0")/.." && pwd -P)
. "$root/scripts/versions.env"
cache=${GHOST_FLEET_CACHE:-$HOME/.cache/ghost-fleet}
tools=$root/.tools

step() { echo "bootstrap: $*" >&2; }
fail() {
  echo "bootstrap: $*" >&2
  exit 69
}

PATH=$tools/node/bin:$PATH
npm_config_nodedir=$(cd "$tools/node" && pwd -P)
export PATH npm_config_nodedir

read_pin() { node -p "require('$root/runtime/site/ghost.json').$1"; }
pinned=$(read_pin version)
package=$(read_pin package)
version=${1:-$pinned}
platform=$(node -p 'process.platform + "-" + process.arch')
npm_run() { if [ -n "${NPM_CLI:-}" ]; then node "$NPM_CLI" "$@"; else npm "$@"; fi; }

key=$(node -p "require('node:crypto').createHash('sha256').update('$package@$version node $NODE_VERSION $platform').digest('hex').slice(0, 12)")
ghost_dir=$cache/ghost-$version-$key

publish() {
  # ln -sfn follows a link to a directory on some systems: remove, then link.
  rm -rf "$2" && ln -s "$1" "$2"
}

if [ ! -f "$ghost_dir/package.json" ]; then
  step "Ghost $version (downloads and compiles for one to four minutes)"
  partial=$cache/.partial-$$
  trap 'rm -rf "$partial"' EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM HUP
  rm -rf "$partial" && mkdir -p "$partial/fetch" "$partial/ghost" "$partial/pnpm"

  (cd "$partial/fetch" && npm_run pack --silent "$package@$version" >/dev/null) || fail "cannot fetch the npm package $package@$version"
  tarball=$(ls "$partial"/fetch/*.tgz)
  if [ "$version" = "$pinned" ]; then
    node -e '
      const [file, expected] = process.argv.slice(1);
      const found = "sha512-" + require("node:crypto").createHash("sha512").update(require("node:fs").readFileSync(file)).digest("base64");
      if (found !== expected) { console.error(`bootstrap: runtime/site/ghost.json integrity: expected ${expected}; got ${found}`); process.exit(1); }
    ' "$tarball" "$(read_pin integrity)" || fail 'the tarball of Ghost is not the pinned one'
  fi
  tar -xzf "$tarball" -C "$partial/ghost" --strip-components=1

  # Ghost names the pnpm that wrote its lockfile.
  pnpm_version=$(node -p "(/^pnpm@([^+]+)/.exec(require('$partial/ghost/package.json').packageManager ?? '') ?? [])[1] ?? ''")
  [ -n "$pnpm_version" ] || fail "$package@$version: expected packageManager to name pnpm; got none"
  echo '{}' >"$partial/pnpm/package.json"
  npm_run install --prefix "$partial/pnpm" --ignore-scripts --no-save --loglevel=error "pnpm@$pnpm_version" >&2 || fail "cannot install pnpm@$pnpm_version"
  pnpm_cli=$(ls "$partial"/pnpm/node_modules/pnpm/bin/pnpm.?js | head -n 1)

  # Older releases name a pnpm that hides npm_config_nodedir from install scripts; node-gyp then looks for headers here.
  headers=$partial/cache/node-gyp/$NODE_VERSION
  mkdir -p "$headers" && cp -R "$npm_config_nodedir/include" "$headers/" && echo 11 >"$headers/installVersion"

  # node-gyp is one of this project's locked packages; pnpm's native build does not bring one.
  (cd "$partial/ghost" &&
    PATH=$root/node_modules/.bin:$PATH XDG_CACHE_HOME=$partial/cache npm_config_manage_package_manager_versions=false \
      node "$pnpm_cli" install --prod --frozen-lockfile --reporter=append-only >"$cache/ghost-$version-install.log" 2>&1) ||
    { tail -n 40 "$cache/ghost-$version-install.log" >&2; fail "pnpm install of Ghost $version failed; its output is in $cache/ghost-$version-install.log"; }

  # An optional dependency that did not compile is not an error for pnpm, and a site without it would not start.
  (cd "$partial/ghost" && node -e "
    const { dependencies, optionalDependencies } = require('./package.json');
    const name = { ...dependencies, ...optionalDependencies }['better-sqlite3'] ? 'better-sqlite3' : 'sqlite3';
    const Driver = require(name);
    // better-sqlite3 loads its binary with the first database only.
    if (name === 'better-sqlite3') new Driver(':memory:').close();
  ") || fail "the SQLite driver of Ghost $version does not load; see $cache/ghost-$version-install.log"

  if [ ! -e "$ghost_dir" ]; then mv "$partial/ghost" "$ghost_dir" 2>/dev/null || [ -e "$ghost_dir" ]; fi
  rm -rf "$partial"
fi

publish "$ghost_dir" "$tools/ghost-$version"
if [ "$version" = "$pinned" ]; then publish "$ghost_dir" "$tools/ghost"; fi
