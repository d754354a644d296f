import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { watch } from 'chokidar';
import { z } from 'zod';
import type { SiteChange } from '../../../sites/candidate.ts';
import { loadRegistry } from '../../../sites/registry.ts';
import type { Site, SiteInput } from '../../../sites/schema.ts';
import type { PlatformDatabase } from '../database/connection.ts';
import type { Provisioner, SiteHealth, WantedSite } from './provisioner.ts';
import { putSite, removeSite } from './registration.ts';
import { RegistryFiles } from './registry-files.ts';

const fleetAnswer = z.object({
  sites: z.array(
    z.object({
      slug: z.string(),
      url: z.string(),
      state: z.string(),
      detail: z.string(),
      restarts: z.number(),
      ghostVersion: z.string(),
      database: z.string(),
      probePort: z.number(),
      plan: z.string(),
      domains: z.array(z.string()),
    }),
  ),
});

const pollMs = 250;
/** Editors write a file in several steps; a registry is read once they have rested. */
const restMs = 300;

/**
 * Provisioning on one machine: the registry is a folder, the fleet of `npm start` watches it too, and nothing else has to
 * be done. Sites of the folder are registered in the platform's database here, as `pulumi up` does it elsewhere.
 */
export class LocalProvisioner implements Provisioner {
  readonly #files: RegistryFiles;
  readonly #database: PlatformDatabase;
  readonly #fleetUrl: string;
  #watcher: ReturnType<typeof watch> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #registering: Promise<void> = Promise.resolve();

  constructor(settings: { readonly sitesDir: string; readonly fleetUrl: string }, database: PlatformDatabase) {
    this.#files = new RegistryFiles(settings.sitesDir, { clusters: [], shards: 0 });
    this.#fleetUrl = settings.fleetUrl;
    this.#database = database;
  }

  /** Registers the folder's sites, now and whenever it changes. */
  async start(): Promise<void> {
    this.#watcher = watch(this.#files.dir, { ignoreInitial: true, depth: 0 });
    this.#watcher.on('all', () => {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => void this.register().catch(() => undefined), restMs);
    });
    await this.register();
  }

  /** Makes the platform's list of sites that of the folder. */
  register(): Promise<void> {
    this.#registering = this.#registering.catch(() => undefined).then(() => this.#register());
    return this.#registering;
  }

  laneOf(): string {
    return 'local';
  }

  async laneOfSite(): Promise<string> {
    return this.laneOf();
  }

  check(site: SiteInput): Promise<SiteInput> {
    return this.#files.check(site);
  }

  async create(site: SiteInput): Promise<void> {
    await this.#files.create(site);
  }

  change(slug: string, change: SiteChange): Promise<Site> {
    return this.#files.change(slug, change);
  }

  async apply(): Promise<void> {
    await this.register();
  }

  async waitUntilReady({ slug, state, plan, domains }: WantedSite, signal: AbortSignal): Promise<string> {
    for (;;) {
      const site = (await this.#ask().catch(() => [])).find((candidate) => candidate.slug === slug);
      // The fleet may not have read the entry yet, and then tells of the site as it was.
      const isRead = site?.plan === plan && isDeepStrictEqual(site.domains, domains);
      if (isRead && site.state === (state === 'active' ? 'ready' : state)) return site.url;
      if (isRead && site.state === 'misconfigured') throw new Error(`${slug} cannot run: ${site.detail}`);
      await sleep(pollMs, undefined, { signal });
    }
  }

  /** Where a site's probe port answers. @throws Error while it does not run */
  async probeUrl(slug: string): Promise<string> {
    const port = (await this.#ask()).find((site) => site.slug === slug)?.probePort ?? 0;
    if (port === 0) throw new Error('it does not run');
    return `http://127.0.0.1:${port}`;
  }

  async health(): Promise<readonly SiteHealth[]> {
    const sites = await this.#ask().catch(() => []);
    return sites.map(({ ghostVersion, url: _url, probePort: _port, plan: _plan, domains: _domains, ...site }) => ({
      ...site,
      version: ghostVersion,
    }));
  }

  async close(): Promise<void> {
    clearTimeout(this.#timer);
    await this.#watcher?.close();
    await this.#registering.catch(() => undefined);
  }

  async #ask() {
    const response = await fetch(new URL('/fleet.json', this.#fleetUrl), {
      headers: { host: 'localhost' },
      signal: AbortSignal.timeout(5_000),
    });
    return fleetAnswer.parse(await response.json()).sites;
  }

  async #register(): Promise<void> {
    const { sites, brokenSlugs } = await loadRegistry(this.#files.dir);
    const running = new Map((await this.#ask().catch(() => [])).map((site) => [site.slug, site]));
    const { port } = new URL(this.#fleetUrl);
    await this.#database.asFleet(async (db) => {
      for (const site of sites) {
        const url = running.get(site.slug)?.url ?? `http://${site.slug}.localhost:${port}`;
        const strategy = strategyOf(running.get(site.slug)?.database ?? 'sqlite');
        await putSite(db, { site, url, strategy, stack: 'local' });
      }
      const known: string[] = await db('sites').where({ stack: 'local' }).whereNull('removed_at').pluck('slug');
      const there = new Set([...sites.map(({ slug }) => slug), ...brokenSlugs]);
      for (const slug of known) if (!there.has(slug)) await removeSite(db, slug);
    });
  }
}

/** The fleet calls a site's database `sqlite <file>`, `postgres <database>` or `postgres <database>.<schema>`. */
function strategyOf(described: string): 'sqlite' | 'schema' | 'database' {
  if (described.startsWith('sqlite')) return 'sqlite';
  return described.includes('.') ? 'schema' : 'database';
}
