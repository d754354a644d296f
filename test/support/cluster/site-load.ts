import { setTimeout as sleep } from 'node:timers/promises';
import { load } from '../../../scripts/bench/load.ts';

export interface SiteLoadOptions {
  /** Where the ingress controller answers. */
  readonly door: { readonly HOST: string; readonly PORT: string };
  /** Host that visitors ask for. */
  readonly host: string;
  readonly paths: readonly string[];
  /** Visitors, each with one request at a time. */
  readonly visitors: number;
  /** Requests between two pauses. */
  readonly burst: number;
  /** @default 0 */
  readonly pauseMs?: number;
}

/** What came of a load, all of it answered. */
export interface SiteLoadCounts {
  readonly requests: number;
  /** Those that were answered by anything but 200: status and the beginning of the body. */
  readonly refused: readonly string[];
  readonly slowestMs: number;
}

/** Visitors of a site, who come until they are told to stop. */
export class SiteLoad {
  readonly #options: SiteLoadOptions;
  readonly #ended: Promise<void>;
  readonly #refused: string[] = [];
  #requests = 0;
  #slowestMs = 0;
  #stopping = false;

  constructor(options: SiteLoadOptions) {
    this.#options = options;
    this.#ended = this.#run();
    // Whoever stops it is told.
    this.#ended.catch(() => undefined);
  }

  get requests(): number {
    return this.#requests;
  }

  /**
   * Lets the requests under way be answered.
   *
   * @throws Error where one had no answer
   */
  async stop(): Promise<SiteLoadCounts> {
    this.#stopping = true;
    await this.#ended;
    return { requests: this.#requests, refused: this.#refused, slowestMs: Math.round(this.#slowestMs) };
  }

  async #run(): Promise<void> {
    const { door, host, paths, visitors, burst, pauseMs = 0 } = this.#options;
    let asked = 0;
    const next = () => ({ method: 'GET', path: paths[asked++ % paths.length] ?? '/' }) as const;
    while (!this.#stopping) {
      const figures = await load({
        host: door.HOST,
        port: Number(door.PORT),
        headers: { host },
        users: visitors,
        amount: burst,
        status: 200,
        next,
      });
      this.#requests += figures.requests + figures.refused.length;
      this.#refused.push(...figures.refused);
      this.#slowestMs = Math.max(this.#slowestMs, ...figures.latenciesMs);
      await sleep(pauseMs);
    }
  }
}
