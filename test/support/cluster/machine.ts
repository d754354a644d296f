import { readdir, readFile, readlink } from 'node:fs/promises';
import { $ } from 'zx';
import type { ClusterFolder } from '../../../scripts/cluster/cluster.ts';
import { identify, type ProcessId } from '../../../scripts/cluster/process/process-id.ts';
import { findFirstProcess } from '../../../scripts/cluster/process/sandbox.ts';
import { cacheDir } from '../../../scripts/tools/cache.ts';

/** What a cluster of processes could leave behind on this machine, beside processes. */
export interface Traces {
  readonly mounts: readonly string[];
  readonly links: readonly string[];
  readonly routes: readonly string[];
  readonly firewall: readonly string[];
  readonly controlGroups: readonly string[];
  /** Entries of the folders that Kubernetes and its parts write to by habit. */
  readonly files: readonly string[];
  readonly settings: readonly string[];
}

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

export async function findTraces(): Promise<Traces> {
  const lines = async (command: Promise<{ stdout: string }>) => (await command).stdout.trim().split('\n').sort();
  const shell = $({ quiet: true, nothrow: true });
  const firewall = await lines(shell`iptables-save`);
  const files: string[] = [];
  for (const dir of habits) {
    const entries = await readdir(dir, { recursive: true }).catch(() => undefined);
    if (entries !== undefined) files.push(dir, ...entries.map((entry) => `${dir}/${entry}`));
  }
  const mounts = await lines(shell`cat /proc/self/mounts`);
  return {
    // Another checkout may be building images there.
    mounts: mounts.filter((line) => !line.includes(` ${cacheDir()}/`)),
    links: await lines(shell`ip -brief link`),
    routes: await lines(shell`ip route show table all`),
    // Comments hold the time, brackets count packets.
    firewall: firewall.filter((line) => !line.startsWith('#')).map((line) => line.replace(/\[\d+:\d+\]/, '')),
    controlGroups: await lines(shell`find /sys/fs/cgroup -maxdepth 2 -type d -name ghost-fleet-*`),
    files: files.sort(),
    settings: await Promise.all(settings.map(async (name) => `${name} ${await readFile(`/proc/sys/${name}`, 'utf8')}`)),
  };
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
