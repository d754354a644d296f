#!/bin/bash
# Entrypoint of a node: shows kubelet settings of the kernel, then goes on as kind does.
set -euo pipefail
. /usr/local/lib/kernel-settings.sh
show_kernel_settings /kind/settings
exec /usr/local/bin/entrypoint "$@"
