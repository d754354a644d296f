import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { get } from 'node:http';
import path from 'node:path';
import { afterAll, afterEach, beforeAll } from 'vitest';
import { parse, stringify } from 'yaml';
import { platformPart, platformPartLabel } from '../../../components/labels.ts';
import { engineEnvironment } from '../../../scripts/engine/environment.ts';
import type { ImageName } from '../../../scripts/image/definitions.ts';
import { installTools } from '../../../scripts/tools/install.ts';
import { requireRegistry } from '../../../sites/registry.ts';
import type { Site } from '../../../sites/schema.ts';
import { PulumiProject } from '../engine/project.ts';
import { temporaryDir } from '../site-process.ts';
import { type ClusterBed, clusterCommand, eventually, useClusterBed } from './bed.ts';
import { makeServiceImages } from './service-images.ts';

/** Settings of a stack, by their names below `ghost-fleet:`. */
export type Settings = Readonly<Record<string, unknown>>;

/** What a stack is told, and the servers beside the cluster that it needs. */
export interface FleetPlan {
  readonly settings: Settings;
  readonly secrets?: Readonly<Record<string, string>>;
  /** Registry: file name → text. @default the project's own */
  readonly registry?: Readonly<Record<string, string>>;
  stop?(): Promise<void>;
}

/** What the ingress controller answers. */
export interface Page {
  readonly status: number;
  readonly location: string | undefined;
  readonly body: string;
}

/** A copy of this project with a stack of its own, on a cluster that has the images. */
export class ClusterFleet {
  readonly #bed: ClusterBed;
  project!: PulumiProject;
  settings!: Settings;
  sites!: readonly Site[];

  constructor(bed: ClusterBed) {
    this.#bed = bed;
  }

  /** Host and port of the ingress controller, as GhostAdmin wants them. */
  get door(): { HOST: string; PORT: string } {
    const { hostname, port } = new URL(this.#bed.record.ingress.http);
    return { HOST: hostname, PORT: port || '80' };
  }

  /** What the ingress controller answers for a host. */
  ask(host: string, url = '/'): Promise<Page> {
    return new Promise((resolve, reject) => {
      const options = { headers: { host }, timeout: 20_000 };
      const request = get(`${this.#bed.record.ingress.http}${url}`, options, (response) => {
        let body = '';
        response.setEncoding('utf8').on('data', (chunk: string) => {
          body += chunk;
        });
        const { statusCode: status = 0, headers } = response;
        response.once('end', () => resolve({ status, location: headers.location, body }));
      });
      request.once('timeout', () => request.destroy(new Error(`${host}${url}: no answer within 20 s`)));
      request.once('error', reject);
    });
  }

  /** The answer once it is 200. */
  askUntilReady(host: string, url = '/'): Promise<Page> {
    return eventually(async () => {
      const page = await this.ask(host, url);
      if (page.status !== 200) throw new Error(`${host}${url}: expected 200; got ${page.status}`);
      return page;
    });
  }

  /** Names of a site's pods that are not on their way out. */
  async podsOf(slug: string): Promise<string[]> {
    const selector = '--selector=app.kubernetes.io/name=ghost';
    const found = await this.#bed.kubectl.read('get', 'pods', `--namespace=site-${slug}`, selector, '--output=json');
    const { items } = JSON.parse(found) as { items: { metadata: { name: string; deletionTimestamp?: string } }[] };
    return items
      .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
      .map(({ metadata }) => metadata.name);
  }

  /** How many pods of a site answer, as its Deployment says, and how many there are, those on their way out among them. */
  async countPods(slug: string): Promise<{ ready: number; all: number }> {
    const inSite = [`--namespace=site-${slug}`, '--selector=app.kubernetes.io/name=ghost'];
    const ready = '--output=jsonpath={.items[0].status.readyReplicas}';
    const pods = await this.#bed.kubectl.read('get', 'pods', ...inSite, '--output=name');
    return {
      ready: Number((await this.#bed.kubectl.read('get', 'deployments', ...inSite, ready)) || 0),
      all: pods.split('\n').filter(Boolean).length,
    };
  }

  /** Requests of visitors that each pod of a site has answered so far, as the pod itself counts them. */
  async requestsOf(slug: string): Promise<ReadonlyMap<string, number>> {
    const answered = new Map<string, number>();
    for (const pod of await this.podsOf(slug)) {
      const probes = `/api/v1/namespaces/site-${slug}/pods/${pod}:2369/proxy`;
      const metrics = await this.#bed.kubectl.read('get', `--raw=${probes}/metrics`);
      const counts = [...metrics.matchAll(/^site_http_request_seconds_count\{.*\} (\d+)$/gm)];
      answered.set(
        pod,
        counts.reduce((sum, [, count]) => sum + Number(count), 0),
      );
    }
    return answered;
  }

  /** Ends the site's pod as a lost node does, and waits until another one stands in its place. */
  async killPod(slug: string): Promise<void> {
    const [before = ''] = await this.podsOf(slug);
    await this.#bed.kubectl.run(['delete', 'pod', before, `--namespace=site-${slug}`, '--grace-period=0', '--force']);
    await eventually(async () => {
      const after = await this.podsOf(slug);
      if (after.length === 0 || after.includes(before)) throw new Error(`${slug}: its pod is not back`);
    });
  }

  /** Gives the stack other settings. */
  async configure(settings: Settings): Promise<void> {
    const file = path.join(this.project.dir, 'stacks', `Pulumi.${this.project.stack}.yaml`);
    const { config, ...kept } = parse(await readFile(file, 'utf8')) as { config: Record<string, unknown> };
    const secrets = Object.fromEntries(Object.entries(config).filter(([, value]) => isSecret(value)));
    const named = Object.fromEntries(Object.entries(settings).map(([key, value]) => [`ghost-fleet:${key}`, value]));
    await writeFile(file, stringify({ ...kept, config: { ...named, ...secrets } }));
  }

  /** Changes the text of a site's YAML. */
  async rewriteSite(slug: string, rewrite: (text: string) => string): Promise<void> {
    const file = path.join(this.project.dir, 'sites', `${slug}.yaml`);
    await writeFile(file, rewrite(await readFile(file, 'utf8')));
  }
}

/** The title of a page. */
export function titleIn({ body }: Page): string | undefined {
  return /<title>([^<]*)<\/title>/.exec(body)?.[1]?.trim();
}

/**
 * Brings a cluster up that has the images of the fleet, before the tests of the calling file, and down afterwards.
 *
 * @param images those of this project. @default the one of a site
 */
export function useFleetCluster(images: readonly ImageName[] = ['site']): ClusterBed {
  const bed = useClusterBed();
  beforeAll(async () => {
    const archives = images.map(archiveOf);
    const files = await temporaryDir();
    try {
      for (const tar of [...archives, ...(await makeServiceImages(path.join(files.dir, 'images')))]) {
        const loaded = await clusterCommand(bed.folder, 'load', tar);
        if (loaded.exitCode !== 0) throw new Error(`${tar}: ${loaded.stderr}`);
      }
    } finally {
      await files.remove();
    }
  }, 600_000);
  return bed;
}

function archiveOf(image: ImageName): string {
  const variable = `${image.toUpperCase()}_IMAGE_ARCHIVE`;
  const archive = process.env[variable] ?? '';
  if (archive === '') throw new Error(`${variable}: expected the archive of an image (npm test builds it)`);
  return archive;
}

/**
 * Prepares a stack on a cluster before the tests of the calling file; what stands beside the cluster goes after them.
 * Several may share a cluster, where no site and no namespace of the platform is in two of them.
 */
export function useClusterFleet(bed: ClusterBed, plan: (dir: string) => Promise<FleetPlan>): ClusterFleet {
  const fleet = new ClusterFleet(bed);
  let files: { dir: string; remove: () => Promise<void> } | undefined;
  let planned: FleetPlan | undefined;
  beforeAll(async () => {
    files = await temporaryDir();
    const tools = await installTools({ root: path.resolve('.'), sets: ['engine'] });
    const { PATH, HOME } = process.env;
    const environment = await engineEnvironment(path.join(files.dir, 'pulumi'), tools, { PATH, HOME });
    const variables = { ...environment.variables, KUBECONFIG: bed.folder.kubeconfig };
    planned = await plan(files.dir);
    fleet.settings = planned.settings;
    fleet.project = await PulumiProject.copyFleet(
      path.join(files.dir, 'fleet'),
      { ...environment, variables },
      planned.settings,
      planned.secrets ?? {},
    );
    const registry = path.join(fleet.project.dir, 'sites');
    if (planned.registry !== undefined) await replaceRegistry(registry, planned.registry);
    fleet.sites = (await requireRegistry(registry, { clusters: [] })).sites;
  }, 300_000);
  afterEach(async ({ task }) => {
    if (task.result?.state === 'fail') console.log(await describePods(bed, fleet.settings));
  });
  afterAll(async () => {
    await planned?.stop?.();
    await files?.remove();
  });
  return fleet;
}

/** What tells why something did not happen in a cluster that is gone when it is asked: pods, warnings, the platform's own words. */
async function describePods({ kubectl }: ClusterBed, { namespace = 'ghost-fleet' }: Settings): Promise<string> {
  const asked = [
    ['get', 'pods', '--all-namespaces'],
    ['get', 'events', '--all-namespaces', '--field-selector=type=Warning', '--sort-by=.lastTimestamp'],
    ['logs', `--namespace=${namespace}`, `--selector=${platformPartLabel}=${platformPart}`, '--tail=30', '--prefix'],
  ];
  const told = asked.map((args) => kubectl.read(...args).catch((error: Error) => error.message));
  return (await Promise.all(told)).join('\n\n');
}

async function replaceRegistry(dir: string, registry: Readonly<Record<string, string>>): Promise<void> {
  for (const file of await readdir(dir)) if (file.endsWith('.yaml')) await rm(path.join(dir, file));
  for (const [file, text] of Object.entries(registry)) await writeFile(path.join(dir, file), text);
}

function isSecret(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'secure' in value;
}
