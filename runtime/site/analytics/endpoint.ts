import { createHash, timingSafeEqual } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { readNewest } from '../backups/newest.ts';
import { openTarget } from '../backups/target.ts';
import type { SiteConfig } from '../config.ts';
import type { FileStore } from '../media/file-store.ts';
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
  /** Version of Ghost that it runs; left out by images that are older than this. */
  readonly ghostVersion?: string;
  /** Moment of the newest complete backup, null where there is none; left out where the site cannot say. */
  readonly newestBackupAt?: string | null;
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
  readonly #ghostVersion: string;
  #backups: FileStore | undefined;
  #last: Promise<unknown> = Promise.resolve();

  constructor(config: SiteConfig, metrics: SiteMetrics, token: string) {
    this.#config = config;
    this.#metrics = metrics;
    this.#token = digest(token);
    this.#ghostVersion = versionOf(config.ghostPath);
  }

  /** @returns undefined where nobody says where backups are, or where that place does not answer soon */
  async #newestBackup(): Promise<string | null | undefined> {
    const { backupTarget, slug } = this.#config;
    if (backupTarget === undefined) return undefined;
    try {
      this.#backups ??= openTarget(backupTarget, this.#config, process.env);
      const waited = sleep(backupWaitMs, undefined, { ref: false });
      const newest = await Promise.race([readNewest(this.#backups, slug), waited]);
      return newest === undefined ? undefined : (newest?.toISOString() ?? null);
    } catch {
      return undefined;
    }
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
    const [numbers, storageBytes, count, newestBackupAt] = await Promise.all([
      database.client === 'sqlite' ? readAside({ filename: database.filename, ghostPath, window }) : null,
      folderBytes(contentPath),
      this.#metrics.requestCount(),
      this.#newestBackup(),
    ]);
    return {
      numbers,
      storageBytes,
      requests: { process: this.#process, count },
      ghostVersion: this.#ghostVersion,
      ...(newestBackupAt === undefined ? {} : { newestBackupAt }),
    };
  }
}

/** No longer than the platform waits for the whole answer: a bucket that is away hides no numbers. */
const backupWaitMs = 2_000;

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

function versionOf(ghostPath: string): string {
  return (JSON.parse(readFileSync(path.join(ghostPath, 'package.json'), 'utf8')) as { version: string }).version;
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

function refusal(expected: string): string {
  return `${JSON.stringify({ error: `expected ${expected}` })}\n`;
}
