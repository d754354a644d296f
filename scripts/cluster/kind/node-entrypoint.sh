#!/bin/bash
# Entrypoint of a node: shows kubelet the settings of the kernel that it would give to the whole machine as given already,
# then goes on as kind does.
set -euo pipefail
mkdir -p /kind/settings
while read -r setting value; do
  [ -e "/proc/sys/$setting" ] || continue
  echo "$value" >"/kind/settings/${setting//\//.}"
  mount --bind "/kind/settings/${setting//\//.}" "/proc/sys/$setting"
done <<'settings'
kernel/keys/root_maxbytes 25000000
kernel/keys/root_maxkeys 1000000
kernel/panic 10
kernel/panic_on_oops 1
vm/overcommit_memory 1
vm/panic_on_oom 0
settings
exec /usr/local/bin/entrypoint "$@"
