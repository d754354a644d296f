import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, open, readdir, readFile, rm, rmdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { $ } from 'zx';
import type { ClusterFolder } from '../cluster.ts';
import type { Addresses } from './addresses.ts';
import { childrenOf, isAlive, recordedProcess, recordProcess } from './process-id.ts';

/** Where a process of the cluster finds the cluster's files, and the data of its volumes. */
export const inside = '/run/ghost-fleet';
export const insideVolumes = '/run/ghost-fleet-volumes';

/** The CNI library keeps what it knows of pods here and nowhere else. */
const cniCache = '/var/lib/cni';

/**
 * Namespaces of one cluster on this machine: of the network, of processes and of mounts. Everything that runs in them
 * hangs on their first process, so that ending it ends the whole cluster and leaves no mount, link or process.
 */
export class Sandbox {
  readonly #folder: ClusterFolder;
  readonly #addresses: Addresses;

  constructor(folder: ClusterFolder, addresses: Addresses) {
    this.#folder = folder;
    this.#addresses = addresses;
  }

  /** Name of this machine's end of the link to the node. */
  get link(): string {
    return linkOf(this.#folder);
  }

  /**
   * Makes the namespaces and the link to them unless they are there.
   *
   * @throws Error with the last lines of its log where they cannot be made
   */
  async create(): Promise<void> {
    if ((await findFirstProcess(this.#folder)) !== undefined) return;
    const { run, volumes } = this.#folder;
    const { host, node, services, pods } = this.#addresses;
    if (!existsSync(cniCache)) {
      await writeFile(path.join(run, 'made-directories'), `${cniCache}\n`);
      await mkdir(cniCache, { recursive: true });
    }
    await rm(path.join(run, 'ready'), { force: true });
    const script = path.join(import.meta.dirname, 'sandbox.sh');
    const log = await open(path.join(run, 'sandbox.log'), 'a', 0o600);
    const flags = ['--net', '--mount', '--mount-proc', '--pid', '--fork', '--kill-child=SIGKILL'];
    const unshare = spawn('unshare', [...flags, 'bash', script, run, volumes, host, node, services], {
      stdio: ['ignore', log.fd, log.fd],
      detached: true,
    });
    await spawned(unshare);
    await recordProcess(recordOf(this.#folder), unshare.pid ?? 0);
    await log.close();
    unshare.unref();
    const first = await this.#waitFor(() => findFirstProcess(this.#folder), unshare);
    await $({ nothrow: true, quiet: true })`ip link delete ${this.link}`;
    await $`ip link add ${this.link} type veth peer name node0 netns ${first}`;
    await $`ip address add ${host}/30 dev ${this.link}`;
    await $`ip link set ${this.link} up`;
    await this.#waitFor(async () => existsSync(path.join(run, 'ready')) || undefined, unshare);
    // So that what runs on this machine, such as a Pulumi plugin, reaches Services and pods by their addresses.
    await $`ip route replace ${services} via ${node}`;
    await $`ip route replace ${pods} via ${node}`;
  }

  /** Starts a program in the namespaces; it goes on when this process ends. */
  async start(program: string, args: readonly string[], logFile: string): Promise<ChildProcess> {
    const log = await open(logFile, 'a', 0o600);
    const child = spawn('nsenter', await enterArguments(this.#folder, [program, ...args]), {
      stdio: ['ignore', log.fd, log.fd],
      detached: true,
    });
    await spawned(child);
    await log.close();
    child.unref();
    return child;
  }

  async #waitFor<T>(look: () => Promise<T | undefined>, unshare: ChildProcess): Promise<T> {
    for (const deadline = Date.now() + 20_000; ; await sleep(20)) {
      const found = await look();
      if (found !== undefined) return found;
      if (unshare.exitCode === null && unshare.signalCode === null && Date.now() < deadline) continue;
      const log = await readFile(path.join(this.#folder.run, 'sandbox.log'), 'utf8');
      throw new Error(`the cluster's namespaces could not be made:\n${log.trim().split('\n').slice(-5).join('\n')}`);
    }
  }
}

/** Arguments of `nsenter` that run a command in the namespaces of a cluster that is up. */
export async function enterArguments(folder: ClusterFolder, command: readonly string[]): Promise<string[]> {
  const first = await findFirstProcess(folder);
  if (first === undefined) throw new Error(`${folder.path}: its cluster is not up`);
  return ['--target', String(first), '--net', '--mount', '--pid', '--', ...command];
}

/** The first process of a cluster's namespaces, by its number outside of them; undefined where there are none. */
export async function findFirstProcess(folder: ClusterFolder): Promise<number | undefined> {
  const unshare = await recordedProcess(recordOf(folder));
  return unshare === undefined ? undefined : (await childrenOf(unshare.pid))[0];
}

/** Ends every process in a cluster's namespaces and removes the namespaces, their link, and what was made outside. */
export async function removeSandbox(folder: ClusterFolder): Promise<void> {
  const unshare = await recordedProcess(recordOf(folder));
  if (unshare !== undefined) {
    const [first] = await childrenOf(unshare.pid);
    // The kernel ends all the others with the first process, and that one with the process that started it.
    process.kill(unshare.pid, 'SIGKILL');
    while (await isAlive(unshare)) await sleep(20);
    while (first !== undefined && existsSync(`/proc/${first}`)) await sleep(20);
  }
  await $({ nothrow: true, quiet: true })`ip link delete ${linkOf(folder)}`;
  const made = await readFile(path.join(folder.run, 'made-directories'), 'utf8').catch(() => '');
  for (const dir of made.split('\n').filter(Boolean)) {
    // Removing a folder takes away what others have mounted on it.
    if (await isMountPointOfAnyone(dir)) continue;
    await rmdir(dir).catch((error: NodeJS.ErrnoException) => {
      if (!['ENOENT', 'ENOTEMPTY'].includes(error.code ?? '')) throw error;
    });
  }
}

async function isMountPointOfAnyone(dir: string): Promise<boolean> {
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const mounts = await readFile(`/proc/${pid}/mountinfo`, 'utf8').catch(() => '');
    if (mounts.includes(` ${dir} `)) return true;
  }
  return false;
}

function recordOf(folder: ClusterFolder): string {
  return path.join(folder.run, 'sandbox.pid');
}

/** Names of links have 15 characters at most. */
function linkOf(folder: ClusterFolder): string {
  return `gf-${folder.name.slice(-6)}`;
}

function spawned(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', reject);
  });
}
