import { readFile, writeFile } from 'node:fs/promises';
import { get } from 'node:http';
import path from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { parse, stringify } from 'yaml';
import { engineEnvironment } from '../../../scripts/engine/environment.ts';
import { installTools } from '../../../scripts/tools/install.ts';
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
    const { items } = JSON.parse(
      await this.#bed.kubectl.read(
        'get',
        'pods',
        `--namespace=site-${slug}`,
        '--selector=app.kubernetes.io/name=ghost',
        '--output=json',
      ),
    ) as { items: { metadata: { name: string; deletionTimestamp?: string } }[] };
    return items
      .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
      .map(({ metadata }) => metadata.name);
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
}

/** The title of a page. */
export function titleIn({ body }: Page): string | undefined {
  return /<title>([^<]*)<\/title>/.exec(body)?.[1]?.trim();
}

/**
 * Brings a cluster up with the images of the fleet before the tests of the calling file, and prepares a stack; after the
 * tests all of it goes.
 */
export function useClusterFleet(plan: (bed: ClusterBed, dir: string) => Promise<FleetPlan>): {
  bed: ClusterBed;
  fleet: ClusterFleet;
} {
  const bed = useClusterBed();
  const fleet = new ClusterFleet(bed);
  let files: { dir: string; remove: () => Promise<void> } | undefined;
  let planned: FleetPlan | undefined;
  beforeAll(async () => {
    files = await temporaryDir();
    const archive = process.env.SITE_IMAGE_ARCHIVE ?? '';
    if (archive === '') throw new Error('SITE_IMAGE_ARCHIVE: expected the archive of an image (npm test builds it)');
    for (const tar of [archive, ...(await makeServiceImages(path.join(files.dir, 'images')))]) {
      const loaded = await clusterCommand(bed.folder, 'load', tar);
      if (loaded.exitCode !== 0) throw new Error(`${tar}: ${loaded.stderr}`);
    }
    const tools = await installTools({ root: path.resolve('.'), sets: ['engine'] });
    const { PATH, HOME } = process.env;
    const environment = await engineEnvironment(path.join(files.dir, 'pulumi'), tools, { PATH, HOME });
    const variables = { ...environment.variables, KUBECONFIG: bed.folder.kubeconfig };
    planned = await plan(bed, files.dir);
    fleet.settings = planned.settings;
    fleet.project = await PulumiProject.copyFleet(
      path.join(files.dir, 'fleet'),
      { ...environment, variables },
      planned.settings,
      planned.secrets ?? {},
    );
  }, 600_000);
  afterAll(async () => {
    await planned?.stop?.();
    await files?.remove();
  });
  return { bed, fleet };
}

function isSecret(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'secure' in value;
}
