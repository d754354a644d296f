import { existsSync } from 'node:fs';
import path from 'node:path';
import { stringify } from 'yaml';
import { $ } from 'zx';
import { installTools } from '../../tools/install.ts';
import { manifest } from '../../tools/manifest.ts';
import { type Addon, addonStatus, installAddons } from '../addons.ts';
import {
  type ClusterDriver,
  type ClusterFolder,
  type ClusterRecord,
  contextName,
  type PartStatus,
} from '../cluster.ts';
import { Kubectl } from '../kubectl.ts';

/** kind brings CoreDNS and the provisioner of volumes itself. */
const addons: readonly Addon[] = ['storage-class', 'traefik', 'metrics-server'];

/** Images of the publishers, which a node fetches itself. */
const images = {
  TRAEFIK_IMAGE: `docker.io/library/traefik:v${manifest.tools.traefik.version}`,
  METRICS_SERVER_IMAGE: `registry.k8s.io/metrics-server/metrics-server:v${manifest.tools['metrics-server'].version}`,
};

/** Where kind's provisioner puts what lies on volumes. */
const volumesInNode = '/var/local-path-provisioner';

/** Ports of this machine that lead to those of Traefik. */
const ports = { http: 8088, https: 8443 } as const;

/** A cluster of one node in a container of Docker, as kind makes it with the node image of its release. */
export class KindCluster implements ClusterDriver {
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
    const { bin } = await installTools({ root: this.#root, sets: ['kind-cluster'] });
    const folder = this.#folder;
    await folder.create();
    const record: ClusterRecord = {
      driver: 'kind',
      name: folder.name,
      kubeconfig: folder.kubeconfig,
      ingress: { http: `http://127.0.0.1:${ports.http}`, https: `https://127.0.0.1:${ports.https}` },
    };
    await folder.writeRecord(record);
    if (!(await this.#exists())) {
      const input = describeKind(folder);
      const args = ['create', 'cluster', '--name', folder.name, '--config', '-', '--wait', '120s'];
      await this.#kind(args, { input, quiet: false });
    }
    await this.#kind(['export', 'kubeconfig', '--name', folder.name]);
    const kubectl = new Kubectl(path.join(bin, 'kubectl'), folder.kubeconfig);
    await useContextName(kubectl);
    this.#report('the node is ready');
    const address = '{.status.addresses[?(@.type=="InternalIP")].address}';
    const node = await kubectl.read('get', 'node', `${folder.name}-control-plane`, `--output=jsonpath=${address}`);
    // One default is enough.
    const standard = 'storageclass.kubernetes.io/is-default-class';
    await kubectl.run(['annotate', 'storageclass', 'standard', `${standard}=false`, '--overwrite']);
    await installAddons(kubectl, this.#root, addons, { ...images, NODE_ADDRESS: node });
    return record;
  }

  async down(): Promise<void> {
    if (await this.#exists()) await this.#kind(['delete', 'cluster', '--name', this.#folder.name]);
    await this.#folder.remove();
  }

  async status(): Promise<readonly PartStatus[]> {
    const { name, kubeconfig } = this.#folder;
    if (!(await this.#exists())) return [{ part: 'kind', healthy: false, detail: `Docker has no cluster ${name}` }];
    const kubectl = new Kubectl(path.join(this.#root, '.tools', 'bin', 'kubectl'), kubeconfig);
    const condition = '{.status.conditions[?(@.type=="Ready")].status}';
    const ready = await kubectl
      .read('get', 'node', `${name}-control-plane`, `--output=jsonpath=${condition}`, '--request-timeout=5s')
      .catch(() => 'unknown: the API does not answer');
    const node = { part: 'node', healthy: ready === 'True', detail: ready === 'True' ? 'ready' : `ready: ${ready}` };
    return [node, ...(await addonStatus(kubectl, addons))];
  }

  async load(tar: string): Promise<readonly string[]> {
    const node = `${this.#folder.name}-control-plane`;
    const list = async () =>
      (await $`docker exec ${node} ctr --namespace=k8s.io images list --quiet`).stdout.split('\n');
    const before = await list();
    await this.#kind(['load', 'image-archive', tar, '--name', this.#folder.name]);
    return (await list()).filter((image) => image !== '' && !before.includes(image));
  }

  async #exists(): Promise<boolean> {
    const program = path.join(this.#root, '.tools', 'bin', 'kind');
    if (!existsSync(program)) return false;
    const { stdout } = await this.#kind(['get', 'clusters']);
    return stdout.split('\n').includes(this.#folder.name);
  }

  #kind(args: readonly string[], options: { input?: string; quiet?: boolean } = {}) {
    const { input = '', quiet = true } = options;
    const env = { ...process.env, KUBECONFIG: this.#folder.kubeconfig };
    return $({ quiet, input, env })`${path.join(this.#root, '.tools', 'bin', 'kind')} ${args}`;
  }
}

function describeKind({ volumes }: ClusterFolder): string {
  return stringify({
    kind: 'Cluster',
    apiVersion: 'kind.x-k8s.io/v1alpha4',
    nodes: [
      {
        role: 'control-plane',
        extraMounts: [{ hostPath: volumes, containerPath: volumesInNode }],
        extraPortMappings: [
          { containerPort: 80, hostPort: ports.http, listenAddress: '127.0.0.1' },
          { containerPort: 443, hostPort: ports.https, listenAddress: '127.0.0.1' },
        ],
      },
    ],
  });
}

async function useContextName(kubectl: Kubectl): Promise<void> {
  const current = await kubectl.read('config', 'current-context');
  if (current !== contextName) await kubectl.run(['config', 'rename-context', current, contextName]);
}
