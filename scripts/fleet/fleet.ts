import { EventEmitter } from 'node:events';
import path from 'node:path';
import pLimit from 'p-limit';
import { namesOf } from '../../sites/naming.ts';
import type { Registry } from '../../sites/registry.ts';
import type { Site } from '../../sites/schema.ts';
import type { FleetDatabases } from './databases.ts';
import { pinnedGhost } from './ghost-release.ts';
import { siteEnvironment } from './site-environment.ts';
import type { StateDir } from './state-dir.ts';
import { repositoryDir, SupervisedProcess } from './supervised-process.ts';

export interface FleetContext {
  readonly state: StateDir;
  readonly databases: FleetDatabases;
  /** Port of the router, which stands in every site's URL. */
  readonly port: number;
  /** Slugs to run; all where undefined. */
  readonly only: readonly string[] | undefined;
  /** Sites that may start at the same time. @default 2 */
  readonly startsAtOnce?: number;
}

/** A site of the fleet, for whoever shows it. */
export interface SiteStatus {
  readonly slug: string;
  readonly title: string;
  readonly url: string;
  readonly adminUrl: string;
  readonly database: string;
  /** `ready`, `starting`, `crashed`, …, or `paused` and `suspended` from the YAML. */
  readonly state: string;
  readonly detail: string;
  /** Times that its process ended by itself and was started again. */
  readonly restarts: number;
  /** Release of Ghost that it runs. */
  readonly ghostVersion: string;
  readonly domains: readonly string[];
  readonly plan: string;
  /** Port of the site's Ghost; 0 while there is none. */
  readonly port: number;
  /** Port of its probes; 0 while there is none. */
  readonly probePort: number;
}

interface Member {
  site: Site;
  readonly process: SupervisedProcess;
}

/** The sites of the registry as processes of this machine. Emits `change` when a site or its state changes. */
export class Fleet extends EventEmitter<{ change: [slug: string] }> {
  readonly #context: FleetContext;
  readonly #pinnedGhost = pinnedGhost();
  readonly #members = new Map<string, Member>();
  readonly #limit: ReturnType<typeof pLimit>;
  #applying: Promise<void> = Promise.resolve();

  constructor(context: FleetContext) {
    super();
    this.#context = context;
    // Ghost takes a whole core while it starts.
    this.#limit = pLimit(context.startsAtOnce ?? 2);
  }

  /**
   * Makes the running sites those of the registry: starts what is new, stops what left (its data stays), restarts what
   * changed in a way that its process must know. A site whose file has problems is left as it is.
   */
  apply(registry: Registry): Promise<void> {
    this.#applying = this.#applying.then(() => this.#apply(registry));
    return this.#applying;
  }

  /** Resolves when every site is ready or has failed for the first time. */
  async settled(): Promise<void> {
    await this.#applying;
    await Promise.all(
      [...this.#members.values()].filter(({ site }) => site.state === 'active').map(({ process }) => process.settled()),
    );
  }

  statuses(): SiteStatus[] {
    return [...this.#members.values()]
      .map((member) => this.#statusOf(member))
      .sort((a, b) => (a.slug < b.slug ? -1 : 1));
  }

  /** The site that answers for a host name: `<slug>.localhost` or one of its domains. */
  findByHost(host: string): SiteStatus | undefined {
    for (const member of this.#members.values()) {
      if (namesOf(member.site.slug).localHost === host || member.site.domains.includes(host))
        return this.#statusOf(member);
    }
    return undefined;
  }

  /** Process of a site, for whoever tests what happens to it. */
  pidOf(slug: string): number | undefined {
    return this.#members.get(slug)?.process.pid;
  }

  async stop(): Promise<void> {
    await this.#applying.catch(() => undefined);
    await Promise.all([...this.#members.values()].map(({ process }) => process.stop()));
  }

  kill(): void {
    for (const { process } of this.#members.values()) process.kill();
  }

  async #apply(registry: Registry): Promise<void> {
    const { only } = this.#context;
    const wanted = new Map(
      registry.sites.filter((site) => only === undefined || only.includes(site.slug)).map((site) => [site.slug, site]),
    );
    for (const [slug, member] of this.#members) {
      if (wanted.has(slug) || registry.brokenSlugs.includes(slug)) continue;
      await member.process.stop();
      this.#members.delete(slug);
      this.emit('change', slug);
    }
    for (const site of wanted.values()) await this.#applySite(site);
  }

  async #applySite(site: Site): Promise<void> {
    const known = this.#members.get(site.slug);
    const member = known ?? { site, process: this.#createProcess(site.slug) };
    const restart = known !== undefined && processKeys(known.site) !== processKeys(site);
    const changed = known === undefined || JSON.stringify(known.site) !== JSON.stringify(site);
    member.site = site;
    this.#members.set(site.slug, member);
    if (restart || site.state !== 'active') await member.process.stop();
    if (site.state === 'active') member.process.start();
    if (changed) this.emit('change', site.slug);
  }

  #createProcess(slug: string): SupervisedProcess {
    const process = new SupervisedProcess({
      slug,
      logFile: this.#context.state.logFile(slug),
      whenFree: (start) => this.#limit(start),
      launch: (ports) => this.#launch(slug, ports),
    });
    process.on('state', () => this.emit('change', slug));
    return process;
  }

  async #launch(slug: string, ports: { port: number; probePort: number }) {
    const site = this.#members.get(slug)?.site;
    if (site === undefined) throw new Error(`${slug} is not in the fleet`);
    const env = await siteEnvironment(site, this.#context, { url: this.#urlOf(slug), ...ports });
    const args = ['--disable-warning=ExperimentalWarning', path.join(repositoryDir, 'runtime/site/entrypoint.ts')];
    return { command: process.execPath, args, env };
  }

  #urlOf(slug: string): string {
    const { port } = this.#context;
    return `http://${namesOf(slug).localHost}${port === 80 ? '' : `:${port}`}`;
  }

  #statusOf({ site, process }: Member): SiteStatus {
    const url = this.#urlOf(site.slug);
    return {
      slug: site.slug,
      title: site.title,
      url,
      adminUrl: `${url}/ghost/`,
      database: this.#context.databases.describe(site.slug),
      state: site.state === 'active' ? process.state : site.state,
      detail: site.state === 'active' ? process.detail : '',
      restarts: process.restarts,
      ghostVersion: site.ghost?.version ?? this.#pinnedGhost,
      domains: site.domains,
      plan: site.plan,
      port: process.port,
      probePort: process.probePort,
    };
  }
}

/** What a running process was told and cannot learn anew; title and theme only seed a first boot. */
function processKeys(site: Site): string {
  return JSON.stringify([site.plan, site.ghost?.version, site.mail?.from]);
}
