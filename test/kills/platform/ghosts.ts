import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pLimit from 'p-limit';
import { withClient } from '../../../runtime/database/administrator.ts';
import { freePort, type PostgresServer } from '../../../scripts/services/postgres.ts';
import { namesOf } from '../../../sites/naming.ts';
import { fillKnownSite } from '../../support/analytics-fleet.ts';
import type { KnownSite } from '../../support/known-site.ts';
import { SiteUnderTest, titleOf } from '../../support/site-process.ts';
import { untilConnected } from '../until-connected.ts';
import type { RealEngine } from './real-engine.ts';

/** Ghosts that are alive at once. */
const aliveAtMost = 8;

type Ghost = { state: 'starting' } | { state: 'ready'; site: SiteUnderTest } | { state: 'stopped' };

export interface GhostsArgs {
  readonly engine: Pick<RealEngine, 'environmentOf'>;
  readonly server: PostgresServer;
  readonly sites: readonly KnownSite[];
  /** Last day of the sites' histories. */
  readonly through: string;
  /** Folder of their content. */
  readonly dir: string;
}

/**
 * Real Ghosts, each started from what the real engine's stack tells its container, filled with its site's history, and
 * stopped once its site has answered.
 */
export class Ghosts {
  readonly #args: GhostsArgs;
  readonly #ghosts = new Map<string, Ghost>();
  readonly #limit = pLimit(aliveAtMost);
  readonly #alive = new Set<SiteUnderTest>();
  #stopping = false;
  /** Starts, those that were repeated included. */
  starts = 0;
  mostAlive = 0;

  constructor(args: GhostsArgs) {
    this.#args = args;
  }

  /** Asks a site for its front page; starts its Ghost where it is deployed and that was not done yet. @returns the HTTP status */
  async ask(slug: string): Promise<number> {
    const ghost = this.#ghosts.get(slug);
    if (ghost === undefined) await this.#begin(slug);
    if (ghost?.state === 'stopped') return 200;
    if (ghost?.state !== 'ready') return 503;
    const answer = await ghost.site.get('/').catch(() => undefined);
    if (answer?.status === 200 && titleOf(answer) !== undefined) await this.#end(slug, ghost.site);
    return answer?.status ?? 502;
  }

  /** Sites whose Ghost has answered. */
  get answered(): string[] {
    return [...this.#ghosts].filter(([, { state }]) => state === 'stopped').map(([slug]) => slug);
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    await Promise.all([...this.#alive].map((site) => site.stop('SIGKILL')));
  }

  async #begin(slug: string): Promise<void> {
    const told = await this.#args.engine.environmentOf(slug);
    if (told === undefined || this.#ghosts.has(slug)) return;
    this.#ghosts.set(slug, { state: 'starting' });
    void this.#limit(() => this.#run(slug, told));
  }

  /** Starts it until it is ready, as a cluster does, and keeps its place until it has ended. */
  async #run(slug: string, told: Readonly<Record<string, string>>): Promise<void> {
    await untilConnected(() => this.#letVisitors(slug, false));
    while (!this.#stopping) {
      this.starts += 1;
      const site = new SiteUnderTest(await this.#environment(slug, told));
      this.#alive.add(site);
      this.mostAlive = Math.max(this.mostAlive, this.#alive.size);
      const isReady = await this.#becomesReady(slug, site);
      if (isReady) this.#ghosts.set(slug, { state: 'ready', site });
      else await site.stop('SIGKILL');
      await site.exited();
      this.#alive.delete(site);
      if (this.#ghosts.get(slug)?.state === 'stopped') return;
      this.#ghosts.set(slug, { state: 'starting' });
      await sleep(1_000);
    }
  }

  async #becomesReady(slug: string, site: SiteUnderTest): Promise<boolean> {
    try {
      await site.ready(180_000);
    } catch {
      return false;
    }
    await untilConnected(() => fillKnownSite(this.#args.server, slug, this.#args));
    await untilConnected(() => this.#letVisitors(slug, true));
    return true;
  }

  async #end(slug: string, site: SiteUnderTest): Promise<void> {
    this.#ghosts.set(slug, { state: 'stopped' });
    await site.stop();
  }

  /** A visit between the first migration and the end of the history would see days that never were. */
  #letVisitors(slug: string, may: boolean): Promise<unknown> {
    const { database, readerRole } = namesOf(slug);
    const statements = may
      ? [`alter role "${readerRole}" login`]
      : [
          `alter role "${readerRole}" nologin`,
          `select pg_terminate_backend(pid) from pg_stat_activity where usename = '${readerRole}'`,
        ];
    return withClient(this.#args.server, database, (client) => client.query(statements.join('; ')));
  }

  /** As the stack has it, but for what only a pod has: ports of its own, a volume, and a pooler in its cluster. */
  async #environment(slug: string, told: Readonly<Record<string, string>>): Promise<Record<string, string>> {
    const { host, port } = this.#args.server;
    return {
      ...told,
      CONTENT_PATH: path.join(this.#args.dir, slug),
      PORT: String(await freePort()),
      PROBE_PORT: String(await freePort()),
      DATABASE_HOST: host,
      DATABASE_PORT: String(port),
    };
  }
}
