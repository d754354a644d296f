import pLimit, { type LimitFunction } from 'p-limit';
import { assembleNumbers, type DayWindow, type FigureRow, type SiteNumbers } from '../../site/analytics/numbers.ts';
import { siteNumbersSql } from '../../site/analytics/queries.ts';
import type { SiteDatabases, SitePlace } from '../connection.ts';

export type { DayNumbers, DayWindow, SiteNumbers } from '../../site/analytics/numbers.ts';
export { addDays, dayOf, daysOf } from '../../site/analytics/numbers.ts';

/** Reads the numbers of any site, wherever its data is. */
export interface SiteReader {
  /** @throws SiteUnavailableError when the site does not answer, or not in time */
  read(place: SitePlace, window: DayWindow): Promise<SiteNumbers>;
}

/** A site's numbers could not be had. The message says why and carries no secret. */
export class SiteUnavailableError extends Error {
  readonly slug: string;
  constructor(slug: string, reason: string, options?: ErrorOptions) {
    super(`${slug}: ${reason}`, options);
    this.name = 'SiteUnavailableError';
    this.slug = slug;
  }
}

export interface ReadingLimits {
  /** Sites that are read at once. @default 8 */
  readonly maxConnections?: number;
  /** What a site may take, connecting included; waiting for its turn does not count. @default 15000 */
  readonly timeoutMs?: number;
}

/** Lets so many readings run at once, each for so long. */
export class Readings {
  readonly #limit: LimitFunction;
  readonly #timeoutMs: number;

  constructor({ maxConnections = 8, timeoutMs = 15_000 }: ReadingLimits) {
    this.#limit = pLimit(maxConnections);
    this.#timeoutMs = timeoutMs;
  }

  /** @throws SiteUnavailableError */
  run<T>(slug: string, read: (signal: AbortSignal) => Promise<T>): Promise<T> {
    return this.#limit(async () => {
      const signal = AbortSignal.timeout(this.#timeoutMs);
      try {
        return await read(signal);
      } catch (error) {
        const reason = signal.aborted ? `no answer within ${this.#timeoutMs / 1000} s` : reasonOf(error);
        throw new SiteUnavailableError(slug, reason, { cause: error });
      }
    });
  }
}

function reasonOf(error: unknown): string {
  const { message, code } = error as { message?: string; code?: string };
  // Node tells several refused addresses by their code alone.
  return (message || code || String(error)).slice(0, 300);
}

/** Reads SQLite files, schemas and databases through one query, as each site's analytics role. */
export class DatabaseReader implements SiteReader {
  readonly #databases: SiteDatabases;
  readonly #readings: Readings;

  constructor(databases: SiteDatabases, limits: ReadingLimits = {}) {
    this.#databases = databases;
    this.#readings = new Readings(limits);
  }

  read(place: SitePlace, window: DayWindow): Promise<SiteNumbers> {
    return this.#readings.run(place.slug, async (signal) => {
      const connection = await this.#databases.getConnection(place, signal);
      try {
        const rows = await connection.query<FigureRow>(siteNumbersSql(connection.dialect), window.from);
        return assembleNumbers(rows, window);
      } finally {
        await connection.close();
      }
    });
  }
}
