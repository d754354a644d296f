import { createReadStream } from 'node:fs';
import { appendFile, readFile } from 'node:fs/promises';
import path from 'node:path';
import { $ } from 'zx';
import { busybox, cniPlugins, containerd, ensureProgram, iptables, runc } from '../../services/debian-packages.ts';
import { installTools } from '../../tools/install.ts';
import { UnavailableError } from '../../tools/unavailable.ts';
import { type Addon, addonStatus, installAddons, manifestFile } from '../addons.ts';
import type { ClusterDriver, ClusterFolder, ClusterRecord, PartStatus } from '../cluster.ts';
import { imageNames, imageValues, makeImages } from '../images.ts';
import { Kubectl } from '../kubectl.ts';
import { type Addresses, chooseAddresses } from './addresses.ts';
import { makeCertificates, nodeName } from './certificates.ts';
import { createControlGroup, removeControlGroup } from './cgroups.ts';
import { controlPlane } from './control-plane.ts';
import { containerdSocket, describeNode } from './node.ts';
import { listPrograms, startProgram, waitForProgram } from './programs.ts';
import { enterArguments, findFirstProcess, insideVolumes, removeSandbox, Sandbox } from './sandbox.ts';

const addons: readonly Addon[] = ['coredns', 'storage', 'storage-class', 'traefik', 'metrics-server'];

/**
 * A cluster of one node whose parts are processes of this machine, in namespaces of their own without a way out: neither
 * Docker nor a registry of images is needed, but root, and what Debian packages of containerd.
 */
export class ProcessCluster implements ClusterDriver {
  readonly #folder: ClusterFolder;
  readonly #root: string;
  readonly #report: (line: string) => void;

  /** @param root top level of the checkout */
  constructor(folder: ClusterFolder, root: string, report: (line: string) => void) {
    this.#folder = folder;
    this.#root = root;
    this.#report = report;
  }

  async up(): Promise<ClusterRecord> {
    const { system, bin, images } = await prepareProcessCluster(this.#root);
    const folder = this.#folder;
    await folder.create();
    const addresses = await chooseAddresses(folder.run);
    const record = describe(folder, addresses);
    // First of all, so that `down` finds whatever comes of this.
    await folder.writeRecord(record);

    await makeCertificates(folder, addresses, bin);
    await createControlGroup(folder.name);
    const sandbox = new Sandbox(folder, addresses);
    await sandbox.create();
    const node = await describeNode(folder, addresses, { bin, ...system }, `docker.io/${imageNames.busybox}`);
    await startProgram(folder, sandbox, node.containerd);
    for (const program of controlPlane(bin, addresses)) await startProgram(folder, sandbox, program);
    await waitForProgram(folder, 'containerd', () => this.#containerd(['version']));
    // While the API server starts.
    await this.#loadOnce(images);
    const administrator = new Kubectl(path.join(bin, 'kubectl'), path.join(folder.run, 'access', 'super-admin.conf'));
    await waitForProgram(folder, 'kube-apiserver', () => administrator.read('get', '--raw=/readyz'));
    await administrator.applyManifest(manifestFile('access'), {});
    this.#report('the Kubernetes API answers');

    for (const program of node.rest) await startProgram(folder, sandbox, program);
    const kubectl = new Kubectl(path.join(bin, 'kubectl'), folder.kubeconfig);
    const ready = ['wait', '--for=condition=Ready', `node/${nodeName}`, '--timeout=2s'];
    await waitForProgram(folder, 'kubelet', async () => kubectl.run(ready));
    this.#report('the node is ready');
    await installAddons(kubectl, this.#root, addons, {
      ...imageValues,
      DNS_ADDRESS: addresses.dns,
      NODE_ADDRESS: addresses.node,
      VOLUMES_PATH: insideVolumes,
    });
    return record;
  }

  async down(): Promise<void> {
    await removeSandbox(this.#folder);
    await removeControlGroup(this.#folder.name);
    await this.#folder.remove();
  }

  async status(): Promise<readonly PartStatus[]> {
    const parts: PartStatus[] = [];
    for (const [part, runs] of await listPrograms(this.#folder)) {
      parts.push({ part, healthy: runs, detail: runs ? 'runs' : 'has ended: npm run cluster -- up starts it again' });
    }
    if ((await findFirstProcess(this.#folder)) === undefined) return parts;
    const kubectl = new Kubectl(path.join(this.#root, '.tools', 'bin', 'kubectl'), this.#folder.kubeconfig);
    const condition = '{.status.conditions[?(@.type=="Ready")].status}';
    const ready = await kubectl
      .read('get', 'node', nodeName, `--output=jsonpath=${condition}`, '--request-timeout=5s')
      .catch(() => 'unknown: the API does not answer');
    parts.push({ part: 'node', healthy: ready === 'True', detail: ready === 'True' ? 'ready' : `ready: ${ready}` });
    return ready.startsWith('unknown') ? parts : [...parts, ...(await addonStatus(kubectl, addons))];
  }

  async load(tar: string): Promise<readonly string[]> {
    const imported = await this.#containerd(['--namespace=k8s.io', 'images', 'import', '-'], tar);
    return [...imported.matchAll(/^unpacking (\S+)/gm)].map((match) => match[1] ?? '');
  }

  /** Loads images whose path says what is in them, unless an earlier run has. */
  async #loadOnce(tars: readonly string[]): Promise<void> {
    const file = path.join(this.#folder.run, 'loaded-images');
    const loaded = (await readFile(file, 'utf8').catch(() => '')).split('\n');
    for (const tar of tars.filter((it) => !loaded.includes(it))) {
      await this.load(tar);
      await appendFile(file, `${tar}\n`);
    }
  }

  /** containerd's own client, in the cluster's namespaces. */
  async #containerd(args: readonly string[], inputFile?: string): Promise<string> {
    const command = await enterArguments(this.#folder, ['ctr', `--address=${containerdSocket}`, ...args]);
    const client = $({ quiet: true })`nsenter ${command}`;
    if (inputFile !== undefined) createReadStream(inputFile).pipe(client.stdin);
    return (await client).stdout;
  }
}

function describe(folder: ClusterFolder, { node }: Addresses): ClusterRecord {
  return {
    driver: 'process',
    name: folder.name,
    kubeconfig: folder.kubeconfig,
    ingress: { http: `http://${node}`, https: `https://${node}` },
  };
}

/** What a cluster of processes is made of. */
interface Ingredients {
  readonly system: SystemPrograms;
  /** Folder of the programs that the manifest pins. */
  readonly bin: string;
  /** Tars of the images that its pods run. */
  readonly images: readonly string[];
}

/**
 * Installs, fetches and builds what a cluster of processes takes; quick where all is there.
 *
 * @throws UnavailableError
 */
export async function prepareProcessCluster(root: string): Promise<Ingredients> {
  const system = await systemPrograms();
  const { bin } = await installTools({ root, sets: ['process-cluster'] });
  return { system, bin, images: await makeImages(bin, system.busybox) };
}

interface SystemPrograms {
  readonly containerd: string;
  readonly cniPlugins: string;
  readonly busybox: string;
}

/**
 * What the operating system has to bring.
 *
 * @throws UnavailableError naming all that is missing
 */
async function systemPrograms(): Promise<SystemPrograms> {
  const problems: string[] = [];
  if (process.platform !== 'linux') problems.push(`expected Linux; got ${process.platform}`);
  if (process.getuid?.() !== 0) problems.push('expected root, who makes namespaces, mounts and control groups');
  if (problems.length === 0) {
    for (const program of [containerd, runc, iptables, cniPlugins, busybox]) {
      if ((await ensureProgram(program)) === undefined) {
        problems.push(`expected ${program.commands[0]} (Debian package ${program.debianPackage}); found none`);
      }
    }
  }
  if (problems.length > 0) throw new UnavailableError(`a cluster of processes: ${problems.join('; ')}`);
  return {
    containerd: (await ensureProgram(containerd)) ?? '',
    cniPlugins: path.dirname((await ensureProgram(cniPlugins)) ?? ''),
    busybox: (await ensureProgram(busybox)) ?? '',
  };
}
