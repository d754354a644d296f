import { readdir, readFile, readlink } from 'node:fs/promises';
import { $ } from 'zx';
import type { ClusterFolder } from '../../../scripts/cluster/cluster.ts';
import { identify, type ProcessId } from '../../../scripts/cluster/process/process-id.ts';
import { findFirstProcess } from '../../../scripts/cluster/process/sandbox.ts';
import { cacheDir } from '../../../scripts/tools/cache.ts';

const habits = [
  '/etc/cni',
  '/etc/kubernetes',
  '/opt/cni',
  '/run/containerd',
  '/run/netns',
  '/usr/libexec/kubernetes',
  '/var/lib/cni',
  '/var/lib/containerd',
  '/var/lib/kubelet',
  '/var/log/containers',
  '/var/log/pods',
];

const settings = [
  'vm/overcommit_memory',
  'vm/panic_on_oom',
  'kernel/panic',
  'kernel/panic_on_oops',
  'net/ipv4/ip_forward',
];

/**
 * What a cluster of processes could leave behind on this machine, beside processes: a line for each mount, link, route,
 * rule of the firewall, control group, file in the folders that Kubernetes writes to by habit, and setting of the kernel.
 * Other clusters may come and go meanwhile, and are left out.
 */
export async function findTraces(folder: ClusterFolder): Promise<readonly string[]> {
  const shell = $({ quiet: true, nothrow: true });
  const lines = async (kind: string, command: Promise<{ stdout: string }>) =>
    (await command).stdout.split('\n').map((line) => `${kind} ${line.trim()}`);
  const files: string[] = [];
  for (const dir of habits) {
    const entries = await readdir(dir, { recursive: true }).catch(() => undefined);
    if (entries !== undefined) files.push(dir, ...entries.map((entry) => `${dir}/${entry}`));
  }
  const traces = [
    ...(await lines('mount', shell`cat /proc/self/mounts`)),
    ...(await lines('link', shell`ip -oneline link`)).map((line) => line.replace(/^link \d+: /, 'link ')),
    ...(await lines('route', shell`ip route show table all`)),
    // Brackets count packets.
    ...(await lines('firewall', shell`iptables-save`)).map((line) => line.replace(/\[\d+:\d+\]/, '')),
    ...(await lines('control group', shell`find /sys/fs/cgroup -maxdepth 2 -type d -name ghost-fleet-*`)),
    ...files.map((file) => `file ${file}`),
    ...(await Promise.all(
      settings.map(async (name) => `setting ${name} ${await readFile(`/proc/sys/${name}`, 'utf8')}`),
    )),
  ];
  const own = folder.name.slice(-6);
  const isOthers = (line: string) => (/\b(?:gf|ghost-fleet)-([0-9a-f]{6})\b/.exec(line)?.[1] ?? own) !== own;
  // Comments hold the time; another checkout may be building images in the cache.
  return traces.filter(
    (line) => !isOthers(line) && !line.startsWith('firewall #') && !line.includes(` ${cacheDir()}/`),
  );
}

/** Every process of a cluster that is up: those in its namespaces, and those in its pods. */
export async function processesOf(folder: ClusterFolder): Promise<readonly ProcessId[]> {
  const first = await findFirstProcess(folder);
  if (first === undefined) return [];
  const namespaces = await namespacesOf(first);
  const found: ProcessId[] = [];
  for (const pid of await allProcesses()) {
    const groups = await readFile(`/proc/${pid}/cgroup`, 'utf8').catch(() => '');
    const shared = (await namespacesOf(pid)).some((namespace) => namespaces.includes(namespace));
    const id = shared || groups.includes(`/${folder.name}/`) ? await identify(pid) : undefined;
    if (id !== undefined) found.push(id);
  }
  return found;
}

/** Namespaces of processes, of the network and of mounts. */
export async function namespacesOf(pid: number): Promise<string[]> {
  const found = await Promise.all(
    ['pid', 'net', 'mnt'].map((kind) => readlink(`/proc/${pid}/ns/${kind}`).catch(() => '')),
  );
  return found.filter((namespace) => namespace !== '');
}

export async function allProcesses(): Promise<number[]> {
  return (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
}
