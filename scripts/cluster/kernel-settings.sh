# Shows kubelet the settings of the kernel that it would give to the whole machine as given already: in the mounts of whoever
# sources this, and nowhere else.

# show_kernel_settings <folder for what is shown>
show_kernel_settings() {
  local setting value
  mkdir -p "$1"
  while read -r setting value; do
    [ -e "/proc/sys/$setting" ] || continue
    echo "$value" >"$1/${setting//\//.}"
    mount --bind "$1/${setting//\//.}" "/proc/sys/$setting"
  done <<'settings'
kernel/keys/root_maxbytes 25000000
kernel/keys/root_maxkeys 1000000
kernel/panic 10
kernel/panic_on_oops 1
vm/overcommit_memory 1
vm/panic_on_oom 0
settings
}
