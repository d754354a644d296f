import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { $ } from 'zx';
import { unpackDebianPackages } from '../../services/debian-archive.ts';
import { containerd, ensureProgram, iptables, runc } from '../../services/debian-packages.ts';
import { UnavailableError } from '../../tools/unavailable.ts';
import type { ClusterFolder } from '../cluster.ts';
import type { Addresses } from '../process/addresses.ts';
import { createControlGroup, removeControlGroup } from '../process/cgroups.ts';
import { startProgram, waitForProgram } from '../process/programs.ts';
import { enterArguments, findFirstProcess, inside, removeSandbox, Sandbox } from '../process/sandbox.ts';
import { Docker } from './docker.ts';

/** Linux' number of CAP_SYS_RESOURCE. */
const sysResource = 24n;

/**
 * A daemon of Docker that belongs to one cluster: it and its containers run in namespaces of the cluster, its files are in
 * the cluster's folder, and ending the namespaces leaves nothing of either. For Linux and root.
 */
export class OwnDocker {
  readonly #folder: ClusterFolder;

  constructor(folder: ClusterFolder) {
    this.#folder = folder;
  }

  /** The daemon's client, where the namespaces are there. */
  async client(): Promise<Docker | undefined> {
    const first = await findFirstProcess(this.#folder);
    if (first === undefined) return undefined;
    const programs = await readFile(this.#programsFile, 'utf8').catch(() => undefined);
    if (programs === undefined) return undefined;
    // The path of a socket has room for 107 characters, however deep the cluster's folder lies.
    return new Docker({
      DOCKER_HOST: `unix:///proc/${first}/root${inside}/docker.sock`,
      PATH: `${path.join(programs, 'usr/bin')}:${process.env.PATH}`,
    });
  }

  /**
   * Starts the daemon unless it runs.
   *
   * @throws UnavailableError naming what is missing
   */
  async start(addresses: Addresses): Promise<Docker> {
    const programs = await dockerPrograms();
    const { run, name } = this.#folder;
    await mkdir(path.join(run, 'docker'), { recursive: true });
    await writeFile(this.#programsFile, programs);
    await writeFile(path.join(run, 'runtime'), await runtimeWrapper());
    await chmod(path.join(run, 'runtime'), 0o755);
    await writeFile(path.join(run, 'docker.json'), daemonSettings(name, addresses));
    await createControlGroup(name);
    const sandbox = new Sandbox(this.#folder, addresses);
    await sandbox.create();
    const folders = [path.join(programs, 'usr/bin'), path.join(programs, 'usr/sbin'), process.env.PATH, '/usr/sbin'];
    const daemon = path.join(programs, 'usr/sbin/dockerd');
    await startProgram(this.#folder, sandbox, {
      name: 'dockerd',
      file: '/usr/bin/env',
      args: [`PATH=${folders.join(':')}`, daemon, `--config-file=${inside}/docker.json`],
    });
    const docker = await this.client();
    if (docker === undefined) throw new Error('the namespaces of the cluster have ended');
    await waitForProgram(this.#folder, 'dockerd', () => docker.run(['version']), 60_000);
    await this.#enter(['iptables', '--insert', 'DOCKER-USER', '--jump', 'ACCEPT']);
    return docker;
  }

  /** Leads what this machine sends to Services and pods to the node. */
  async route(addresses: Addresses, node: string): Promise<void> {
    for (const range of [addresses.services, addresses.pods])
      await this.#enter(['ip', 'route', 'replace', range, 'via', node]);
  }

  /** Ends the daemon and all its containers. */
  async remove(): Promise<void> {
    await removeSandbox(this.#folder);
    await removeControlGroup(this.#folder.name);
  }

  get #programsFile(): string {
    return path.join(this.#folder.run, 'docker-programs');
  }

  async #enter(command: readonly string[]): Promise<void> {
    await $({ quiet: true })`nsenter ${await enterArguments(this.#folder, command)}`;
  }
}

/** Folder with the files of Debian's package of Docker; what it needs beside them is installed. */
async function dockerPrograms(): Promise<string> {
  const problems: string[] = [];
  if (process.platform !== 'linux') problems.push(`expected Linux; got ${process.platform}`);
  if (process.getuid?.() !== 0) problems.push('expected root, who makes namespaces, mounts and control groups');
  if (problems.length === 0) {
    for (const program of [containerd, runc, iptables]) {
      if ((await ensureProgram(program)) === undefined)
        problems.push(`expected ${program.commands[0]} (Debian package ${program.debianPackage}); found none`);
    }
  }
  const programs =
    problems.length === 0 ? await unpackDebianPackages(['docker.io', 'tini', 'libdevmapper1.02.1']) : undefined;
  if (problems.length === 0 && programs === undefined)
    problems.push('expected a daemon of Docker that answers, or the Debian package docker.io; found neither');
  if (programs === undefined) throw new UnavailableError(`kind: ${problems.join('; ')}`);
  return programs;
}

function daemonSettings(name: string, { bridge, containers }: Addresses): string {
  const settings = {
    hosts: [`unix://${inside}/docker.sock`],
    'data-root': `${inside}/docker/data`,
    'exec-root': `${inside}/docker/exec`,
    pidfile: `${inside}/docker/pid`,
    bip: bridge,
    'default-address-pools': [{ base: containers, size: 24 }],
    // Below the group that goes with the cluster.
    'cgroup-parent': `/${name}`,
    'exec-opts': ['native.cgroupdriver=cgroupfs'],
    runtimes: { permitted: { path: `${inside}/runtime` } },
    'default-runtime': 'permitted',
  };
  return `${JSON.stringify(settings, undefined, 2)}\n`;
}

/**
 * Docker asks runc for every capability there is where a container is privileged. On a machine that lacks one, such as a
 * container that may not lower its OOM score, no such container would start.
 */
async function runtimeWrapper(): Promise<string> {
  const bounding = /^CapBnd:\s+([0-9a-f]+)$/m.exec(await readFile('/proc/self/status', 'utf8'))?.[1] ?? '0';
  if ((BigInt(`0x${bounding}`) >> sysResource) & 1n) return '#!/bin/sh\nexec runc "$@"\n';
  return `#!/bin/sh
# Asks runc for no CAP_SYS_RESOURCE and no lower OOM score, which this machine does not grant.
before=
for argument in "$@"; do
  case $before in
    --bundle | -b) settings=$argument/config.json ;;
    --process | -p) settings=$argument ;;
    *) settings= ;;
  esac
  if [ -n "$settings" ] && [ -f "$settings" ]; then
    sed -i 's/"CAP_SYS_RESOURCE",//g; s/,"CAP_SYS_RESOURCE"//g; s/"oomScoreAdj":-[0-9]*/"oomScoreAdj":0/' "$settings"
  fi
  before=$argument
done
exec runc "$@"
`;
}
