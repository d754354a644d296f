#!/bin/sh
# Sets the machine up (silent when there is nothing to do), then runs a TypeScript file under the pinned Node.
# usage: sh scripts/run.sh <file.ts> [argument ...]
set -eu
root=$(cd "$(dirname "$0")/.." && pwd -P)
sh "$root/scripts/bootstrap.sh"
PATH="$root/.tools/node/bin:$root/node_modules/.bin:$PATH"
# Node keeps what it compiles, which spares a start a fifth of its time.
NODE_COMPILE_CACHE=${NODE_COMPILE_CACHE-"$root/.local/compile-cache"}
export PATH NODE_COMPILE_CACHE
exec node --disable-warning=ExperimentalWarning "$@"
