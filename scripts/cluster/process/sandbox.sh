#!/bin/bash
# First process of a cluster's namespaces: prepares them, then reaps whatever is left to it. The cluster ends with it.
#
# usage: sandbox.sh <folder of the cluster's files> <folder of its volumes> <address of this machine> <address of the node>
#   <CIDR of the services>
set -euo pipefail
run=$1 volumes=$2 host=$3 node=$4 services=$5

# What is mounted from here on is seen by the cluster alone, and vanishes with it.
mount --make-rprivate /

# Kubelet would set the kernel of the whole machine to its taste, so it sees what it wants as given.
. "$(dirname "${BASH_SOURCE[0]}")/../kernel-settings.sh"
show_kernel_settings "$run/settings"

# One short path for the cluster's files, however deep its folder lies: a socket's path has room for 107 characters.
# What the programs write to places of their own choice stays in the cluster, too.
hold=$(mktemp -d)
mkdir -p "$hold/run" "$hold/volumes" "$run/cni/cache"
mount --bind "$run" "$hold/run"
mount --bind "$volumes" "$hold/volumes"
mount --bind "$run/cni/cache" /var/lib/cni
mount -t tmpfs -o mode=755 tmpfs /var/log
mount -t tmpfs -o mode=755 tmpfs /run
mkdir /run/ghost-fleet /run/ghost-fleet-volumes /run/lock
mount --move "$hold/run" /run/ghost-fleet
mount --move "$hold/volumes" /run/ghost-fleet-volumes
rmdir "$hold/run" "$hold/volumes" "$hold"
mount --make-rshared /

# No default route: neither node nor pods get further than this machine.
ip link set lo up
until ip link show node0 >/dev/null 2>&1; do sleep 0.05; done
ip address add "$node/30" dev node0
ip link set node0 up
ip route add "$services" via "$host"
echo 1 >/proc/sys/net/ipv4/ip_forward
# Without it pods do not reach themselves, or a neighbour on the node, through a Service.
if [ -e /proc/sys/net/bridge/bridge-nf-call-iptables ]; then
  echo 1 >/proc/sys/net/bridge/bridge-nf-call-iptables
else
  echo 'br_netfilter is not loaded: Services may not answer pods' >&2
fi

touch /run/ghost-fleet/ready
while :; do
  sleep 3600 &
  wait $!
done
