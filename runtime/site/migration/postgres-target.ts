import { createHash } from 'node:crypto';
import pg from 'pg';
import { namesOf } from '../../../sites/naming.ts';
import type { PostgresSettings } from '../config.ts';
import { compatSchemaVersion, readCompatSchemaVersion } from '../database/compat/schema.ts';
import { directClientConfig } from '../database/connection.ts';
import { compareReader } from './analytics-reader.ts';
import { type DatabaseContents, initialisingMarker, type MigrationTarget } from './target.ts';

/** The database is there, but whoever provisions databases has not prepared it for Ghost. */
export class DatabaseNotPreparedError extends Error {
  constructor(database: string, found: number | undefined) {
    super(
      `database ${database}: expected the schema mysql_compat in version ${compatSchemaVersion} or newer; got ${found ?? 'none'}. ` +
        'An administrator installs it when the database is provisioned (runtime/database/provision.ts).',
    );
    this.name = 'DatabaseNotPreparedError';
  }
}

/** First key of this project's advisory locks: "site" in ASCII. The second is made of the slug. */
const lockClass = 0x73697465;

/**
 * A PostgreSQL database or schema. Its migration lock is a session advisory lock on the direct connection, keyed by the
 * slug, since sites may share a database; the server frees it when the connection ends.
 */
export class PostgresTarget implements MigrationTarget {
  readonly #settings: PostgresSettings;
  readonly #lockKey: number;
  readonly #readerRole: string;
  #client: pg.Client | undefined;

  constructor(settings: PostgresSettings, slug: string) {
    this.#settings = settings;
    this.#readerRole = namesOf(slug).readerRole;
    this.#lockKey = createHash('sha256').update(slug).digest().readInt32BE(0);
  }

  async connect(): Promise<void> {
    const client = new pg.Client(directClientConfig(this.#settings));
    // A connection that breaks while nobody waits for it must not end the process; the next query reports it.
    client.on('error', () => undefined);
    await client.connect();
    this.#client = client;
    const version = await readCompatSchemaVersion(client);
    if (version === undefined || version < compatSchemaVersion)
      throw new DatabaseNotPreparedError(this.#settings.database, version);
  }

  async readContents(): Promise<DatabaseContents> {
    const tables = new Set(
      (
        await this.#rows<{ name: string }>(
          'select relname::text as name from pg_class where relnamespace = $1::regnamespace and relkind in ($2, $3, $4)',
          [this.#schema, 'r', 'p', 'v'],
        )
      ).map((row) => row.name),
    );
    const migrations = tables.has('migrations')
      ? await this.#rows<{ name: string }>(`select name::text from ${this.#schema}.migrations`)
      : [];
    const locked = tables.has('migrations_lock')
      ? await this.#rows(`select 1 from ${this.#schema}.migrations_lock where locked::int = 1`)
      : [];
    const settings = tables.has('settings') ? await this.#rows(`select 1 from ${this.#schema}.settings limit 1`) : [];
    return {
      tables,
      migrations: new Set(migrations.map((row) => row.name)),
      ghostLockTaken: locked.length > 0,
      served: settings.length > 0,
      readerSettled: (await this.#compareReader()).length === 0,
    };
  }

  isTemporary(error: unknown): boolean {
    const { code = '' } = error as { code?: string };
    // Network; 57P0x server starting or stopping; 53xxx out of connections; 08xxx connection lost; 3D000/28000 while provisioning.
    return (
      /^(E[A-Z_]+|57P0\d|53\d{3}|08\w{3}|3D000|28\w{3})$/.test(code) ||
      /terminated unexpectedly|timeout/i.test(String(error))
    );
  }

  async tryLock(): Promise<boolean> {
    const [row] = await this.#rows<{ locked: boolean }>('select pg_try_advisory_lock($1, $2) as locked', [
      lockClass,
      this.#lockKey,
    ]);
    return row?.locked === true;
  }

  async unlock(): Promise<void> {
    await this.#rows('select pg_advisory_unlock($1, $2)', [lockClass, this.#lockKey]);
  }

  async releaseGhostLock(): Promise<void> {
    await this.#rows(
      `update ${this.#schema}.migrations_lock set locked = 0::text::${await this.#typeOfLocked()} where lock_key = 'km01'`,
    );
  }

  async settleReader(): Promise<void> {
    const statements = await this.#compareReader();
    // Sent as one, they are one transaction, and an error leaves none open.
    if (statements.length > 0) await this.#rows(statements.join('; '));
  }

  async createMarker(): Promise<void> {
    await this.#rows(`create table ${this.#schema}.${initialisingMarker} (started_at timestamptz default now())`);
  }

  async dropMarker(): Promise<void> {
    await this.#rows(`drop table ${this.#schema}.${initialisingMarker}`);
  }

  async wipe(): Promise<void> {
    const objects = await this.#rows<{ drop: string }>(
      `select format('drop %s if exists %I.%I cascade', case relkind when 'v' then 'view' else 'table' end, nspname, relname) as drop
         from pg_class join pg_namespace on pg_namespace.oid = relnamespace
        where relnamespace = $1::regnamespace and relkind in ('r', 'p', 'v') and relname <> $2`,
      [this.#schema, initialisingMarker],
    );
    const drops = [...objects.map((row) => row.drop), `drop table ${this.#schema}.${initialisingMarker}`];
    // One transaction with the marker in it: a wipe that is interrupted starts again.
    await this.#rows(`begin; ${drops.join('; ')}; commit`);
  }

  async close(): Promise<void> {
    await this.#client?.end().catch(() => undefined);
    this.#client = undefined;
  }

  #compareReader(): Promise<string[]> {
    return compareReader(this.#connection, this.#settings.schema, this.#readerRole);
  }

  get #connection(): pg.Client {
    if (this.#client === undefined) throw new Error('not connected');
    return this.#client;
  }

  get #schema(): string {
    return pg.escapeIdentifier(this.#settings.schema);
  }

  async #typeOfLocked(): Promise<string> {
    const [row] = await this.#rows<{ type: string }>(
      `select format_type(atttypid, atttypmod) as type from pg_attribute where attrelid = '${this.#schema}.migrations_lock'::regclass and attname = 'locked'`,
    );
    return row?.type ?? 'integer';
  }

  async #rows<Row extends pg.QueryResultRow>(sql: string, values?: unknown[]): Promise<Row[]> {
    return (await this.#connection.query<Row>(sql, values)).rows ?? [];
  }
}
