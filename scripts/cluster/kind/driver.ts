import { existsSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { $ } from 'zx';
import { busybox, ensureProgram } from '../../services/debian-packages.ts';
import { installTools } from '../../tools/install.ts';
import { manifest } from '../../tools/manifest.ts';
import { UnavailableError } from '../../tools/unavailable.ts';
import { type Addon, addonStatus, installAddons, restartAddons, waitForAddons } from '../addons.ts';
import {
  type ClusterDriver,
  type ClusterFolder,
  type ClusterRecord,
  contextName,
  type PartStatus,
} from '../cluster.ts';
import { imageValues, makeImages } from '../images.ts';
import { Kubectl } from '../kubectl.ts';
import { podNetwork } from '../pod-network.ts';
import { chooseAddresses } from '../process/addresses.ts';
import { hasRegistry } from '../registry.ts';
import { untilAnswers } from '../until-answers.ts';
import { describeKind, ingressOf, type KindSettings, podsOf, volumesInNode } from './cluster-settings.ts';
import { fitCoreDns } from './core-dns.ts';
import { Docker } from './docker.ts';
import { provideNodeImage } from './node-image.ts';
import { OwnDocker } from './own-docker.ts';

/** What kind brings itself, whatever its node is made of. */
const ofKind = ['coredns'] as const satisfies readonly Addon[];

/** kind brings CoreDNS, and with its own image of a node the provisioner of volumes. */
const addons = {
  published: ['storage-class', 'traefik', 'metrics-server'],
  made: ['storage', 'storage-class', 'traefik', 'metrics-server'],
} as const satisfies Record<string, readonly Addon[]>;

/** How long the API server of a node may take to answer. */
const apiWaitMs = 120_000;

/** Images of the publishers, which a node fetches itself. */
const publishedImages = {
  TRAEFIK_IMAGE: `docker.io/library/traefik:v${manifest.tools.traefik.version}`,
  METRICS_SERVER_IMAGE: `registry.k8s.io/metrics-server/metrics-server:v${manifest.tools['metrics-server'].version}`,
};

/**
 * A cluster of one node in a container of Docker, as kind makes it: with the node image of its release, or with one made
 * on this machine where no registry of images answers. Where no daemon of Docker answers, the cluster brings its own.
 */
export class KindCluster implements ClusterDriver {
  readonly #folder: ClusterFolder;
  readonly #root: string;
  readonly #report: (line: string) => void;
  readonly #ownDocker: OwnDocker;

  /** @param root top level of the checkout */
  constructor(folder: ClusterFolder, root: string, report: (line: string) => void) {
    this.#folder = folder;
    this.#root = root;
    this.#report = report;
    this.#ownDocker = new OwnDocker(folder);
  }

  async up(): Promise<ClusterRecord> {
    const { bin } = await installTools({ root: this.#root, sets: ['kind-cluster'] });
    const folder = this.#folder;
    await folder.create();
    const shared = new Docker();
    const brings = (await this.#ownDocker.client()) !== undefined || !(await shared.answers());
    const own = brings ? await chooseAddresses(folder.run) : undefined;
    const record: ClusterRecord = {
      driver: 'kind',
      name: folder.name,
      kubeconfig: folder.kubeconfig,
      ingress: ingressOf({ own }),
    };
    // First of all, so that `down` finds whatever comes of this.
    await folder.writeRecord(record);
    const docker = own === undefined ? shared : await this.#ownDocker.start(own);
    // A daemon of the cluster's own has no way out.
    const made = own === undefined && (await hasRegistry()) ? undefined : await this.#makeImages(docker);
    const settings: KindSettings = { volumes: folder.volumes, made: made !== undefined, own };
    const hadEnded = await this.#provideNode(docker, settings, made?.node);
    const kubectl = await this.#connect(docker, bin);
    if (own !== undefined) await this.#ownDocker.route(own, await this.#nodeAddress(kubectl));
    await kubectl.run(['wait', '--for=condition=Ready', 'node', '--all', '--timeout=120s']);
    this.#report('the node is ready');
    // One default is enough.
    const standard = 'storageclass.kubernetes.io/is-default-class';
    await kubectl.run(['annotate', 'storageclass', 'standard', `${standard}=false`, '--overwrite']);
    await fitCoreDns(kubectl, own === undefined);
    for (const tar of made?.addons ?? []) await this.load(tar);
    const brought = made === undefined ? addons.published : addons.made;
    if (hadEnded) await restartAddons(kubectl, [...ofKind, ...brought]);
    await installAddons(kubectl, this.#root, brought, {
      ...(made === undefined ? publishedImages : imageValues),
      NODE_ADDRESS: own?.node ?? (await this.#nodeAddress(kubectl)),
      VOLUMES_PATH: volumesInNode,
    });
    await waitForAddons(kubectl, ofKind);
    return record;
  }

  async down(): Promise<void> {
    const shared = new Docker();
    const brought = (await this.#ownDocker.client()) !== undefined;
    if (!brought && existsSync(this.#program('kind')) && (await shared.answers()) && (await this.#exists(shared)))
      await this.#kind(shared, ['delete', 'cluster', '--name', this.#folder.name]);
    await this.#ownDocker.remove();
    await this.#folder.remove();
  }

  async status(): Promise<readonly PartStatus[]> {
    const { name, kubeconfig } = this.#folder;
    const docker = await this.#docker();
    const found = await this.#exists(docker).catch(() => false);
    if (!found) return [{ part: 'kind', healthy: false, detail: `Docker has no cluster ${name}` }];
    const kubectl = new Kubectl(this.#program('kubectl'), kubeconfig);
    const condition = '{.status.conditions[?(@.type=="Ready")].status}';
    const ready = await kubectl
      .read('get', 'node', this.#node, `--output=jsonpath=${condition}`, '--request-timeout=5s')
      .catch(() => 'unknown: the API does not answer');
    const node = { part: 'node', healthy: ready === 'True', detail: ready === 'True' ? 'ready' : `ready: ${ready}` };
    return ready.startsWith('unknown') ? [node] : [node, ...(await addonStatus(kubectl, [...ofKind, ...addons.made]))];
  }

  async load(tar: string): Promise<readonly string[]> {
    // As `kind load image-archive` does, which does not say what it loads.
    const load = ['exec', '--interactive', this.#node, 'ctr', '--namespace=k8s.io', 'images', 'import', '-'];
    const imported = await (await this.#docker()).run(load, tar);
    return [...imported.matchAll(/^unpacking (\S+)/gm)].map((match) => match[1] ?? '');
  }

  /** The image of a node and those of its pods, from the programs that the manifest pins. */
  async #makeImages(docker: Docker): Promise<{ readonly node: string; readonly addons: readonly string[] }> {
    const program = await ensureProgram(busybox);
    if (program === undefined)
      throw new UnavailableError(`a node's image: expected busybox (Debian package ${busybox.debianPackage})`);
    const { bin } = await installTools({ root: this.#root, sets: ['process-cluster'] });
    const node = await provideNodeImage(docker, { root: this.#root, bin, busybox: program }, this.#report);
    return { node, addons: await makeImages(bin, program) };
  }

  /**
   * Makes the node unless it is there, and starts it where it has ended. A published image brings the pods' network.
   *
   * @returns whether it had ended
   */
  async #provideNode(docker: Docker, settings: KindSettings, image: string | undefined): Promise<boolean> {
    if (await this.#exists(docker)) {
      const hadEnded = !(await docker.isRunning(this.#node));
      await docker.run(['start', this.#node]);
      return hadEnded;
    }
    const chosen = image === undefined ? ['--wait', '120s'] : ['--image', image];
    const config = path.join(this.#folder.run, 'kind.yaml');
    await writeFile(config, describeKind(settings));
    const args = ['create', 'cluster', '--name', this.#folder.name, ...chosen, '--config', config];
    await this.#kind(docker, args, false);
    if (image === undefined) return false;
    const network = path.join(this.#folder.run, 'pod-network.conflist');
    await writeFile(network, podNetwork(podsOf(settings)));
    await docker.run(['cp', network, `${this.#node}:/etc/cni/net.d/10-bridge.conflist`]);
    return false;
  }

  async #connect(docker: Docker, bin: string): Promise<Kubectl> {
    // What an earlier run called its context would be in the way.
    await rm(this.#folder.kubeconfig, { force: true });
    await this.#kind(docker, ['export', 'kubeconfig', '--name', this.#folder.name]);
    const kubectl = new Kubectl(path.join(bin, 'kubectl'), this.#folder.kubeconfig);
    await kubectl.run(['config', 'rename-context', await kubectl.read('config', 'current-context'), contextName]);
    // A node that was started again is there before its API server answers.
    await untilAnswers('the Kubernetes API', () => kubectl.read('get', '--raw=/readyz'), apiWaitMs);
    return kubectl;
  }

  #nodeAddress(kubectl: Kubectl): Promise<string> {
    const address = '{.status.addresses[?(@.type=="InternalIP")].address}';
    return kubectl.read('get', 'node', this.#node, `--output=jsonpath=${address}`);
  }

  get #node(): string {
    return `${this.#folder.name}-control-plane`;
  }

  async #docker(): Promise<Docker> {
    return (await this.#ownDocker.client()) ?? new Docker();
  }

  async #exists(docker: Docker): Promise<boolean> {
    const { stdout } = await this.#kind(docker, ['get', 'clusters']);
    return stdout.split('\n').includes(this.#folder.name);
  }

  #kind(docker: Docker, args: readonly string[], quiet = true) {
    const env = { ...docker.env, KUBECONFIG: this.#folder.kubeconfig };
    return $({ quiet, env })`${this.#program('kind')} ${args}`;
  }

  #program(name: string): string {
    return path.join(this.#root, '.tools', 'bin', name);
  }
}
