import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pLimit from 'p-limit';
import { freePort } from '../../../scripts/services/postgres.ts';
import { namesOf } from '../../../sites/naming.ts';
import { SiteUnderTest, titleOf } from '../../support/site-process.ts';

/** Ghosts that are alive at once. */
const aliveAtMost = 8;

type Ghost = { state: 'starting' } | { state: 'ready'; site: SiteUnderTest } | { state: 'stopped' };

/** Real Ghosts, each started on its site's database as its container would be, and stopped once its site has answered. */
export class Ghosts {
  readonly #server: { readonly host: string; readonly port: number };
  readonly #dir: string;
  readonly #ghosts = new Map<string, Ghost>();
  readonly #limit = pLimit(aliveAtMost);
  readonly #alive = new Set<SiteUnderTest>();
  #stopping = false;
  /** Starts, those that were repeated included. */
  starts = 0;
  mostAlive = 0;

  constructor(server: { readonly host: string; readonly port: number }, dir: string) {
    this.#server = server;
    this.#dir = dir;
  }

  /** Asks a site for its front page; starts its Ghost where that was not done yet. @returns the HTTP status */
  async ask(slug: string): Promise<number> {
    const ghost = this.#ghosts.get(slug);
    if (ghost === undefined) {
      this.#ghosts.set(slug, { state: 'starting' });
      void this.#limit(() => this.#run(slug));
    }
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

  /** Starts it until it is ready, as a cluster does, and keeps its place until it has ended. */
  async #run(slug: string): Promise<void> {
    while (!this.#stopping) {
      this.starts += 1;
      const site = new SiteUnderTest(await this.#environment(slug));
      this.#alive.add(site);
      this.mostAlive = Math.max(this.mostAlive, this.#alive.size);
      const isReady = await site.ready(180_000).then(
        () => true,
        () => false,
      );
      if (isReady) this.#ghosts.set(slug, { state: 'ready', site });
      else await site.stop('SIGKILL');
      await site.exited();
      this.#alive.delete(site);
      if (this.#ghosts.get(slug)?.state === 'stopped') return;
      this.#ghosts.set(slug, { state: 'starting' });
      await sleep(1_000);
    }
  }

  async #end(slug: string, site: SiteUnderTest): Promise<void> {
    this.#ghosts.set(slug, { state: 'stopped' });
    await site.stop();
  }

  async #environment(slug: string): Promise<Record<string, string>> {
    const [port, probePort] = [await freePort(), await freePort()];
    return {
      SITE_SLUG: slug,
      SITE_TITLE: slug,
      SITE_URL: `http://${slug}.localhost:${port}`,
      CONTENT_PATH: path.join(this.#dir, slug),
      PORT: String(port),
      PROBE_PORT: String(probePort),
      DATABASE_CLIENT: 'postgres',
      DATABASE_STRATEGY: 'database',
      DATABASE_HOST: this.#server.host,
      DATABASE_PORT: String(this.#server.port),
      DATABASE_NAME: namesOf(slug).database,
      DATABASE_PASSWORD: 'a-password',
    };
  }
}
