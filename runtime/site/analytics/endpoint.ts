import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { Worker } from 'node:worker_threads';
import type { SiteConfig } from '../config.ts';
import type { SiteMetrics } from '../metrics.ts';
import { addDays, type DayWindow, type SiteNumbers } from './numbers.ts';
import type { SqliteTask } from './sqlite-worker.ts';
import { folderBytes } from './storage.ts';

/** What a site says of itself to the platform. */
export interface SiteReport {
  /** Null where the numbers are in PostgreSQL, which the platform reads itself. */
  readonly numbers: SiteNumbers | null;
  /** Size of the content folder, a SQLite file included. */
  readonly storageBytes: number;
  /** Requests that this process answered since it began; another process begins at nought. */
  readonly requests: { readonly process: string; readonly count: number };
}

/** Days that one request may ask for. */
const mostDays = 4_000;

/**
 * `/analytics?from=YYYY-MM-DD&through=YYYY-MM-DD` for who has the site's token, as JSON of {@link SiteReport}: the only way
 * to the numbers of a SQLite file on the volume of a pod. One request is answered at a time, and the file is read in a
 * thread of its own, so that visitors do not wait for it.
 */
export class AnalyticsEndpoint {
  readonly #config: SiteConfig;
  readonly #metrics: SiteMetrics;
  readonly #token: Buffer;
  readonly #process = `${process.pid}-${Date.now() - Math.round(process.uptime() * 1000)}`;
  #last: Promise<unknown> = Promise.resolve();

  constructor(config: SiteConfig, metrics: SiteMetrics, token: string) {
    this.#config = config;
    this.#metrics = metrics;
    this.#token = digest(token);
  }

  async answer(request: IncomingMessage): Promise<{ status: number; body: string }> {
    const given = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1] ?? '';
    // Digests have one length, so that the comparison takes one time.
    if (!timingSafeEqual(digest(given), this.#token)) return { status: 401, body: refusal("the site's token") };
    const window = readWindow(new URL(request.url ?? '/', 'http://site').searchParams);
    if (window === undefined) return { status: 400, body: refusal(`from and through, at most ${mostDays} days`) };
    const report = this.#last.then(() => this.#report(window));
    this.#last = report.catch(() => undefined);
    return { status: 200, body: `${JSON.stringify(await report)}\n` };
  }

  async #report(window: DayWindow): Promise<SiteReport> {
    const { database, ghostPath, contentPath } = this.#config;
    const [numbers, storageBytes, count] = await Promise.all([
      database.client === 'sqlite' ? readAside({ filename: database.filename, ghostPath, window }) : null,
      folderBytes(contentPath),
      this.#metrics.requestCount(),
    ]);
    return { numbers, storageBytes, requests: { process: this.#process, count } };
  }
}

function readAside(task: SqliteTask): Promise<SiteNumbers> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL('./sqlite-worker.ts', import.meta.url), { workerData: task });
    worker.once('message', resolve);
    worker.once('error', reject);
    worker.once('exit', () => reject(new Error('the thread that reads the database ended')));
  });
}

function readWindow(query: URLSearchParams): DayWindow | undefined {
  const [from = '', through = ''] = [query.get('from') ?? '', query.get('through') ?? ''];
  // A 31st of February is a day for Date.parse, and another one.
  const isDay = (text: string) =>
    /^\d{4}-\d\d-\d\d$/.test(text) && !Number.isNaN(Date.parse(text)) && addDays(text, 0) === text;
  if (!isDay(from) || !isDay(through) || from > through) return undefined;
  return addDays(from, mostDays) < through ? undefined : { from, through };
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

function refusal(expected: string): string {
  return `${JSON.stringify({ error: `expected ${expected}` })}\n`;
}
