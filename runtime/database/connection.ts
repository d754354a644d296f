import { Socket } from 'node:net';
import path from 'node:path';
import type SqliteDatabase from 'better-sqlite3';
import pg from 'pg';
import { deriveSecret } from '../../sites/derived-secret.ts';
import { type DatabaseStrategy, namesOf } from '../../sites/naming.ts';
import { type Dialect, postgres, sqlite } from '../site/analytics/queries.ts';
import { openReadOnly, type SqliteConstructor } from '../site/analytics/sqlite.ts';
import { defaultSharedDatabase, locateSiteDatabase } from './provision.ts';

/** A site and where its data is. */
export interface SitePlace {
  readonly slug: string;
  readonly strategy: DatabaseStrategy;
  /** Name of the PostgreSQL cluster; null where there is only one, or none. */
  readonly cluster: string | null;
}

/** A PostgreSQL server, or the transaction pooler before it. */
export interface SiteServer {
  readonly host: string;
  readonly port: number;
  /** @default 'off' */
  readonly ssl?: 'off' | 'require' | 'verify';
  /** Database that holds the schemas of strategy `schema`. @default 'ghost_sites' */
  readonly sharedDatabase?: string;
}

/** How the sites' databases are reached. */
export interface SiteDatabasesOptions {
  /** By name of the cluster; `default` is that of sites that name none. */
  readonly servers?: Readonly<Record<string, SiteServer>>;
  /** Key that the passwords of the sites' analytics roles are derived from. */
  readonly key?: string;
  /** Content folder of a site whose database is a SQLite file. */
  contentPath?(slug: string): string;
}

/** A site's database as analytics sees it: only what `analyticsTables` names, and nothing can be written. */
export interface SiteConnection {
  readonly dialect: Dialect;
  /** Rows of one statement whose only parameter is a day. */
  query<Row>(sql: string, day: string): Promise<Row[]>;
  close(): Promise<void>;
}

/** Nothing says how to reach a site's database. */
export class UnknownPlaceError extends Error {
  constructor({ slug, strategy, cluster }: SitePlace, expected: string) {
    super(`site ${slug}: expected ${expected} for the strategy ${strategy}; got ${cluster ?? 'none'}`);
    this.name = 'UnknownPlaceError';
  }
}

/**
 * Reaches the database of any site, whatever its strategy, as its own read-only role. Each site has a role and a password
 * of its own: a connection to a site that means harm (Ghost's owner may put views and functions in the place of its
 * tables) reaches that site and nothing else, which a role that is a member of all the others could not promise.
 */
export class SiteDatabases {
  readonly #options: SiteDatabasesOptions;

  constructor(options: SiteDatabasesOptions) {
    this.#options = options;
  }

  /**
   * Opens a connection, to be closed by the caller.
   *
   * @param signal breaks the connection off, whatever it is doing
   * @throws UnknownPlaceError, or the database's own error
   */
  getConnection(place: SitePlace, signal: AbortSignal): Promise<SiteConnection> {
    return place.strategy === 'sqlite' ? this.#openFile(place) : this.#connect(place, place.strategy, signal);
  }

  async #openFile(place: SitePlace): Promise<SiteConnection> {
    const contentPath = this.#options.contentPath?.(place.slug);
    if (contentPath === undefined) throw new UnknownPlaceError(place, 'a content folder');
    // Only here: a platform beside PostgreSQL alone need not load it.
    const { default: Database } = (await import('better-sqlite3')) as unknown as { default: typeof SqliteDatabase };
    const filename = path.join(contentPath, namesOf(place.slug).sqliteFile);
    const database = openReadOnly(Database as unknown as SqliteConstructor, filename, 2_000);
    return {
      dialect: sqlite,
      query: async <Row>(sql: string, day: string) => database.prepare(sql).all({ from: day }) as Row[],
      close: async () => database.close(),
    };
  }

  async #connect(place: SitePlace, strategy: 'schema' | 'database', signal: AbortSignal): Promise<SiteConnection> {
    const { servers = {}, key } = this.#options;
    const server = servers[place.cluster ?? 'default'];
    if (server === undefined)
      throw new UnknownPlaceError(place, `one of the clusters ${Object.keys(servers).join(', ')}`);
    if (key === undefined) throw new UnknownPlaceError(place, 'a key of the analytics roles');
    const { host, port, ssl = 'off', sharedDatabase = defaultSharedDatabase } = server;
    const socket = new Socket();
    const client = new pg.Client({
      host,
      port,
      user: namesOf(place.slug).readerRole,
      password: deriveSecret(key, 'reader-password', place.slug),
      database: locateSiteDatabase({ slug: place.slug, strategy, sharedDatabase }).database,
      ssl: ssl === 'off' ? false : { rejectUnauthorized: ssl === 'verify' },
      stream: () => socket,
    });
    // The query that waits for a broken connection reports it; one that nobody waits for is no event.
    client.on('error', () => undefined);
    const breakOff = () => socket.destroy();
    signal.addEventListener('abort', breakOff, { once: true });
    const close = async () => {
      if (!socket.destroyed) await client.end();
      signal.removeEventListener('abort', breakOff);
    };
    try {
      signal.throwIfAborted();
      await client.connect();
    } catch (error) {
      await close();
      throw error;
    }
    return {
      dialect: postgres,
      query: async <Row>(sql: string, day: string) => (await client.query(sql, [day])).rows as Row[],
      close,
    };
  }
}
