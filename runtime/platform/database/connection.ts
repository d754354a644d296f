import knex, { type Knex } from 'knex';
import pg from 'pg';
import type { DatabaseSettings } from './settings.ts';

/** A transaction of the platform's database, whose rows are limited to its scope. */
export type Transaction = Knex.Transaction;

/**
 * The platform's database as its application role sees it: nothing outside of a scope. A scope is a setting of one
 * transaction, so it holds behind a pooler in transaction mode and never reaches the next one that gets the connection.
 */
export class PlatformDatabase {
  readonly #knex: Knex;

  constructor(settings: DatabaseSettings) {
    this.#knex = connect(settings);
  }

  /**
   * Runs `work` in one transaction that sees and writes the rows of one creator alone, whatever it asks for.
   *
   * @param creatorId id of a row of `creators`
   */
  asCreator<T>(creatorId: string, work: (db: Transaction) => Promise<T>): Promise<T> {
    return this.#scoped({ 'platform.creator_id': creatorId, 'platform.fleet': 'off' }, work);
  }

  /** Runs `work` in one transaction that sees every creator's rows: for staff, the worker and sign-in. */
  asFleet<T>(work: (db: Transaction) => Promise<T>): Promise<T> {
    return this.#scoped({ 'platform.creator_id': '', 'platform.fleet': 'on' }, work);
  }

  /** Whether the database answers. */
  async ping(): Promise<void> {
    await this.#knex.raw('select 1');
  }

  async close(): Promise<void> {
    await this.#knex.destroy();
  }

  #scoped<T>(scope: Readonly<Record<string, string>>, work: (db: Transaction) => Promise<T>): Promise<T> {
    return this.#knex.transaction(async (db) => {
      const [creator, fleet] = Object.entries(scope);
      await db.raw('select set_config(?, ?, true), set_config(?, ?, true)', [...(creator ?? []), ...(fleet ?? [])]);
      return work(db);
    });
  }
}

/** Opens a pool that starts empty; see {@link DatabaseSettings}. Days come as `YYYY-MM-DD`, bigints as safe numbers. */
export function connect(settings: DatabaseSettings): Knex {
  const { host, port, user, password, name, ssl, poolMax } = settings;
  return knex({
    client: 'pg',
    connection: {
      host,
      port,
      user,
      password,
      database: name,
      ssl: ssl === 'off' ? false : { rejectUnauthorized: ssl === 'verify' },
      application_name: 'ghost-fleet-platform',
      // A server whose machine is lost says nothing more, and what waits for its answer would wait for ever.
      keepAlive: true,
      keepAliveInitialDelayMillis: 10_000,
      types: { getTypeParser },
    },
    pool: { min: 0, max: poolMax, idleTimeoutMillis: 10_000 },
    acquireConnectionTimeout: 15_000,
    log: { warn },
  });
}

/** What knex warns of, but for lost and refused connections: whoever needed them gets the error. */
function warn(text: string): void {
  if (!/^(Acquire connection error|Connection Error)/.test(text)) console.warn(text);
}

const { builtins } = pg.types;

const parsers: ReadonlyMap<number, (text: string) => unknown> = new Map<number, (text: string) => unknown>([
  [builtins.DATE, (text) => text],
  [builtins.INT8, parseSafeInteger],
]);

function getTypeParser(oid: number, format?: string): (text: string) => unknown {
  if (format === 'binary') return pg.types.getTypeParser(oid, 'binary');
  return parsers.get(oid) ?? pg.types.getTypeParser(oid, 'text');
}

function parseSafeInteger(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw new RangeError(`expected an integer of at most 53 bits; got ${text}`);
  return value;
}
