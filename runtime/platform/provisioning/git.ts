import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import type { RequestedSite, SiteChange } from '../../../sites/candidate.ts';
import { loadRegistry } from '../../../sites/registry.ts';
import type { Site, SiteInput } from '../../../sites/schema.ts';
import type { PlatformDatabase, Transaction } from '../database/connection.ts';
import type { Progress, Provisioner, SiteHealth, WantedSite } from './provisioner.ts';
import { RegistryFiles } from './registry-files.ts';
import type { StackUpdate } from './stack-update.ts';
import type { WorkingTree } from './working-tree.ts';

export interface GitProvisionerArgs {
  readonly tree: WorkingTree;
  /** The platform's stack; a site's shard follows from its YAML. */
  readonly stack: string;
  /** Number of shards of the stack; 0: sites live in the stack itself. */
  readonly shards: number;
  readonly update: StackUpdate;
  /** Where to ask whether a site is ready, from here. @default at its own address */
  readonly readyUrl?: (slug: string) => string;
}

const pushAttempts = 5;
const pollMs = 2_000;

/**
 * Provisioning by the repository: a change is a commit that is pushed, then an update of the site's stack. Somebody else's
 * push in between is taken over and the own one tried again.
 */
export class GitProvisioner implements Provisioner {
  readonly #args: GitProvisionerArgs;
  readonly #database: PlatformDatabase;
  readonly #files: RegistryFiles;
  /** One change of the working tree at a time. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(args: GitProvisionerArgs, database: PlatformDatabase) {
    this.#args = args;
    this.#database = database;
    this.#files = new RegistryFiles(args.tree.registry, { clusters: [], shards: args.shards });
  }

  laneOf({ shard }: Pick<SiteInput, 'shard'>): string {
    const { stack } = this.#args;
    return shard === undefined ? stack : `${stack}-${String(shard).padStart(2, '0')}`;
  }

  async laneOfSite(slug: string): Promise<string> {
    // A site keeps its shard, so that an older state of the registry says the same; an update may have the working tree.
    const known = await this.#read(slug).catch(() => undefined);
    if (known !== undefined) return this.laneOf(known);
    await this.#inTurn(() => this.#args.tree.pull());
    return this.laneOf(await this.#read(slug));
  }

  async check(site: SiteInput, requested: readonly RequestedSite[] = []): Promise<SiteInput> {
    await this.#inTurn(() => this.#args.tree.pull());
    return this.#files.check(site, requested);
  }

  async create(site: SiteInput, author: string): Promise<void> {
    await this.#commit(`sites: add ${site.slug}`, author, async () => {
      await this.#files.create(site);
    });
  }

  async change(slug: string, change: SiteChange, author: string): Promise<Site> {
    const keys = Object.keys(change).join(', ');
    return this.#commit(`sites: change ${keys} of ${slug}`, author, () => this.#files.change(slug, change));
  }

  /** Nobody changes the working tree meanwhile: a file that is not there for a moment would be a site that goes. */
  apply(slug: string, progress: Progress, signal: AbortSignal): Promise<void> {
    return this.#inTurn(async () => {
      signal.throwIfAborted();
      await this.#args.tree.pull();
      await this.#args.update(this.laneOf(await this.#read(slug)), progress, signal);
    });
  }

  async waitUntilReady(wanted: WantedSite, signal: AbortSignal): Promise<string> {
    for (;;) {
      const url = await this.#database.asFleet((db) => findUrl(db, wanted));
      const address = this.#args.readyUrl?.(wanted.slug) ?? url;
      if (url !== undefined && (wanted.state !== 'active' || (await answers(address)))) return url;
      await sleep(pollMs, undefined, { signal });
    }
  }

  /** Pods are seen by `npm run site:status` and by the cluster's own metrics, not from here. */
  async health(): Promise<readonly SiteHealth[]> {
    return [];
  }

  probeUrl(slug: string): Promise<string> {
    return Promise.reject(new Error(`the probe port of ${slug} is told by ANALYTICS_PROBE_URL`));
  }

  async close(): Promise<void> {
    await this.#turn.catch(() => undefined);
    await this.#args.tree.close?.();
  }

  /** Makes a change on the newest state and pushes it. */
  #commit<T>(message: string, author: string, make: () => Promise<T>): Promise<T> {
    return this.#inTurn(async () => {
      for (let attempt = 1; ; attempt++) {
        await this.#args.tree.pull();
        const made = await make();
        try {
          await this.#args.tree.push(message, author);
          return made;
        } catch (error) {
          // Somebody else pushed in between: their state is taken and the change made anew.
          if (attempt === pushAttempts) throw error;
        }
      }
    });
  }

  async #read(slug: string): Promise<Pick<SiteInput, 'shard'>> {
    const site = (await loadRegistry(this.#files.dir)).sites.find((candidate) => candidate.slug === slug);
    if (site === undefined) throw new Error(`${slug} is not in the registry`);
    return site;
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#turn.catch(() => undefined).then(work);
    this.#turn = result;
    return result;
  }
}

/** Address of a site once it is registered as its entry has it: what was there before says nothing of a change. */
async function findUrl(db: Transaction, wanted: WantedSite): Promise<string | undefined> {
  const { slug, state, plan, domains, creator } = wanted;
  const site = await db('sites')
    .join('creators', 'creators.creator_id', 'sites.creator_id')
    .where({ slug, state, plan, email: creator.toLowerCase() })
    .first('url', 'domains');
  return isDeepStrictEqual(site?.domains, [...domains]) ? site.url : undefined;
}

async function answers(url: string | undefined): Promise<boolean> {
  if (url === undefined) return false;
  try {
    const response = await fetch(url, { redirect: 'manual', signal: AbortSignal.timeout(5_000) });
    return response.status < 500;
  } catch {
    return false;
  }
}
