#!/bin/sh
# First step of an image's Dockerfile: brings this project's packages, and a Ghost where one is asked for, into the build.
# They come from prebuilt/ where the build context has it (made by scripts/image/context.ts), else from the registries.
#
# usage: sh scripts/image/fetch.sh [<version of Ghost>]     (in the folder of the build context)
set -eu
. scripts/versions.env

found=$(node -p process.versions.node)
if [ "$found" != "$NODE_VERSION" ]; then
  echo "fetch: expected a base with Node $NODE_VERSION, as scripts/versions.env pins it; got $found" >&2
  exit 78
fi

mkdir -p .tools
if [ -d prebuilt ]; then
  mv prebuilt/node_modules node_modules
  [ $# -eq 0 ] || mv prebuilt/ghost .tools/ghost
  exit 0
fi

# Native modules compile where their publishers' binaries cannot be had; strip takes symbols out of what is large.
apt-get -qq update
apt-get -qq -y --no-install-recommends install binutils ca-certificates g++ make python3 >/dev/null
npm ci --ignore-scripts
[ $# -gt 0 ] || exit 0
ln -s /usr/local .tools/node
GHOST_FLEET_CACHE=/tmp/ghost-fleet sh scripts/install-ghost.sh "$1"
ln -sfn "$(readlink -f ".tools/ghost-$1")" .tools/ghost
