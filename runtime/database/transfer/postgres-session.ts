import pg from 'pg';
import QueryStream from 'pg-query-stream';
import type { PostgresSettings } from '../../site/config.ts';
import { directClientConfig } from '../../site/database/connection.ts';
import type {
  Collision,
  FoldingIndex,
  Provenance,
  Selection,
  Table,
  TransferSource,
  TransferTarget,
} from './database.ts';
import { SourceUnavailableError, TransferRefusedError } from './refusal.ts';
import type { CanonicalValue, ColumnKind } from './values.ts';

const { escapeIdentifier: quote } = pg;

/** Values as the server writes them: they are compared, not used. */
const asText = { getTypeParser: () => (value: unknown) => value } as unknown as pg.CustomTypesConfig;

const kinds: Readonly<Record<string, ColumnKind>> = {
  'character varying': 'text',
  character: 'text',
  text: 'text',
  smallint: 'integer',
  integer: 'integer',
  bigint: 'integer',
  real: 'decimal',
  'double precision': 'decimal',
  numeric: 'decimal',
  'timestamp without time zone': 'time',
  bytea: 'binary',
};

/** Rows that a cursor fetches at a time. */
const fetchRows = 500;

/** Where the keys of a table stand while their collisions are looked for; rolled back, so it is never seen. */
const keyTable = 'ghost_fleet_transfer_keys';

class PostgresSession {
  readonly label: string;
  readonly schema: string;
  readonly #settings: PostgresSettings;
  #client: pg.Client | undefined;

  constructor(settings: PostgresSettings) {
    this.#settings = settings;
    this.schema = settings.schema;
    this.label = `postgres ${settings.database}${settings.strategy === 'schema' ? `.${settings.schema}` : ''}`;
  }

  protected async start(begin: string): Promise<void> {
    const client = new pg.Client(directClientConfig(this.#settings));
    // A connection that breaks while nobody waits for it must not end the process; the next query reports it.
    client.on('error', () => undefined);
    try {
      await client.connect();
    } catch (error) {
      throw new SourceUnavailableError(this.label, (error as Error).message);
    }
    this.#client = client;
    // The role's limits are a site's; this takes as long as it takes.
    await client.query(
      `${begin}; set local statement_timeout = 0; set local idle_in_transaction_session_timeout = 0;
       set local lock_timeout = '5s'; set local datestyle = 'ISO, YMD'; set local bytea_output = 'hex'`,
    );
  }

  async rows<Row extends pg.QueryResultRow>(sql: string, values: unknown[] = []): Promise<Row[]> {
    return (await this.client.query<Row>(sql, values)).rows;
  }

  get client(): pg.Client {
    if (this.#client === undefined) throw new Error(`${this.label} is not open`);
    return this.#client;
  }

  qualified(table: string): string {
    return `${quote(this.schema)}.${quote(table)}`;
  }

  async readTables(): Promise<Table[]> {
    const rows = await this.rows<{ name: string; column: string; type: string; length: number | null; key: boolean }>(
      `select c.relname::text as name, a.attname::text as column, format_type(a.atttypid, null) as type,
          case when a.atttypid in ('varchar'::regtype, 'bpchar'::regtype) and a.atttypmod > 4 then a.atttypmod - 4 end as length,
          coalesce(a.attnum = any (i.indkey), false) as key
         from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
         left join pg_index i on i.indrelid = c.oid and i.indisprimary
        where c.relnamespace = $1::regnamespace and c.relkind in ('r', 'p') order by c.relname, a.attnum`,
      [quote(this.schema)],
    );
    const byName = Map.groupBy(rows, ({ name }) => name);
    return [...byName].map(([name, columns]) => ({
      name,
      key: columns.filter(({ key }) => key).map(({ column }) => column),
      columns: columns.map(({ column, type, length }) => ({
        name: column,
        type,
        kind: kinds[type],
        maxLength: length ?? undefined,
      })),
    }));
  }

  async countRows(table: string): Promise<number> {
    const [row] = await this.rows<{ count: string }>(`select count(*) as count from ${this.qualified(table)}`);
    return Number(row?.count);
  }

  async *readRows({ table, columns }: Selection): AsyncIterable<readonly unknown[]> {
    const list = columns.map(({ name }) => quote(name)).join(', ');
    const query = new QueryStream(`select ${list} from ${this.qualified(table)}`, [], {
      ...{ batchSize: fetchRows, highWaterMark: fetchRows },
      ...{ rowMode: 'array', types: asText },
    } as never);
    yield* this.client.query(query) as AsyncIterable<unknown[]>;
  }

  /** Without a commit before it, what was written is undone. */
  async close(): Promise<void> {
    await this.#client?.end().catch(() => undefined);
    this.#client = undefined;
  }
}

/** A site on PostgreSQL, read in one snapshot past any pooler. */
export class PostgresSource extends PostgresSession implements TransferSource {
  open(): Promise<void> {
    return this.start('begin isolation level repeatable read read only');
  }

  async readProvenance(): Promise<Provenance> {
    const migrations = await this.rows<{ name: string; version: string }>(
      `select name::text, version::text from ${this.qualified('migrations')}`,
    );
    const locked = await this.rows(`select 1 from ${this.qualified('migrations_lock')} where locked::int = 1`);
    return { migrations, locked: locked.length > 0 };
  }
}

/** A site on PostgreSQL, written to in one transaction past any pooler. */
export class PostgresTransferTarget extends PostgresSession implements TransferTarget {
  readonly holdsNul = false;
  #references: { table: string; name: string }[] = [];

  open(): Promise<void> {
    return this.start('begin');
  }

  /** A site that is idle lets its connections go, but its readiness probe opens one every few seconds. */
  async findUsers(): Promise<string[]> {
    const sessions = await this.rows<{ pid: number; name: string; since: string }>(
      `select pid, application_name as name, to_char(backend_start at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS') as since
         from pg_stat_activity where usename = current_user and datname = current_database() and application_name <> $1`,
      ['ghost-migration'],
    );
    return sessions.map(({ pid, name, since }) => `a session of ${name || 'a client'} (pid ${pid}) since ${since} UTC`);
  }

  async readFoldingIndexes(): Promise<FoldingIndex[]> {
    return this.rows<{ table: string; name: string; columns: string[] }>(
      `select c.relname::text as table, x.relname::text as name,
          array(select a.attname::text from unnest(i.indkey) with ordinality k(num, at)
            join pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.num order by k.at) as columns
         from pg_index i join pg_class c on c.oid = i.indrelid join pg_class x on x.oid = i.indexrelid
        where c.relnamespace = $1::regnamespace and i.indisunique and i.indpred is null and i.indexprs is null
          and exists (select from unnest(i.indcollation::oid[]) o join pg_collation l on l.oid = o where not l.collisdeterministic)
        order by 1, 2`,
      [quote(this.schema)],
    );
  }

  async findCollisions(
    { table, name, columns }: FoldingIndex,
    rows: AsyncIterable<{ readonly key: string; readonly values: readonly CanonicalValue[] }>,
  ): Promise<Collision[]> {
    const list = columns.map(quote).join(', ');
    const keys = this.qualified(keyTable);
    // The role may not have temporary tables.
    await this.rows(`savepoint keys`);
    await this.rows(
      `create table ${keys} as select ''::text as ghost_fleet_row, ${list} from ${this.qualified(table)} with no data`,
    );
    const insert = async (batch: readonly { key: string; values: readonly CanonicalValue[] }[]) => {
      const types = await this.#typesOf(keyTable);
      const names = ['ghost_fleet_row', ...columns];
      await this.#insertArrays(keyTable, names, types, [
        batch.map(({ key }) => key),
        ...columns.map((_, at) => batch.map(({ values }) => values[at] ?? null)),
      ]);
    };
    for await (const batch of inBatches(rows, 1_000)) await insert(batch);
    const found = await this.rows<{ rows: string[] }>(
      `select array_agg(ghost_fleet_row order by ghost_fleet_row) as rows from ${keys}
        where ${columns.map((column) => `${quote(column)} is not null`).join(' and ')}
        group by ${list} having count(*) > 1 order by min(ghost_fleet_row)`,
    );
    await this.rows('rollback to savepoint keys');
    return found.map((group) => ({ table, index: name, rows: group.rows }));
  }

  /** Keys wait for the end of the transaction, since rows come in any order and some refer to each other. */
  async empty(tables: readonly string[]): Promise<void> {
    if (tables.length === 0) return;
    try {
      await this.rows(`lock table ${tables.map((table) => this.qualified(table)).join(', ')} in access exclusive mode`);
    } catch (error) {
      if ((error as { code?: string }).code !== '55P03') throw error;
      throw new TransferRefusedError([
        `${this.label}: expected nobody at work in its tables; somebody holds one of them`,
      ]);
    }
    this.#references = await this.rows<{ table: string; name: string }>(
      `select c.relname::text as table, f.conname::text as name from pg_constraint f join pg_class c on c.oid = f.conrelid
        where f.connamespace = $1::regnamespace and f.contype = 'f' and not f.condeferrable and f.conparentid = 0`,
      [quote(this.schema)],
    );
    // Databases of older releases of this project have keys that cannot wait.
    await this.#alterReferences('deferrable initially deferred');
    await this.rows('set constraints all deferred');
    await this.rows(`truncate ${tables.map((table) => this.qualified(table)).join(', ')}`);
  }

  async insert({ table, columns }: Selection, rows: readonly (readonly CanonicalValue[])[]): Promise<void> {
    const types = await this.#typesOf(table);
    const values = columns.map(({ kind }, at) =>
      rows.map((row) => {
        const value = row[at] ?? null;
        return kind === 'binary' && value !== null ? `\\x${value}` : value;
      }),
    );
    const names = columns.map(({ name }) => name);
    try {
      await this.#insertArrays(table, names, types, values);
    } catch (error) {
      const { message, detail } = error as { message: string; detail?: string };
      throw new TransferRefusedError([`${table}: ${message}${detail === undefined ? '' : ` (${detail})`}`]);
    }
  }

  async checkReferences(): Promise<void> {
    try {
      await this.rows('set constraints all immediate');
    } catch (error) {
      const { table, detail, message } = error as { table?: string; detail?: string; message: string };
      throw new TransferRefusedError([`${table}: expected every row that it refers to; ${detail ?? message}`]);
    }
    await this.#alterReferences('not deferrable');
  }

  async commit(): Promise<void> {
    await this.rows('commit');
  }

  readonly #types = new Map<string, ReadonlyMap<string, string>>();

  async #typesOf(table: string): Promise<ReadonlyMap<string, string>> {
    const known = this.#types.get(table);
    if (known !== undefined) return known;
    const rows = await this.rows<{ name: string; type: string }>(
      `select attname::text as name, format_type(atttypid, null) as type from pg_attribute
        where attrelid = $1::regclass and attnum > 0 and not attisdropped`,
      [this.qualified(table)],
    );
    const types = new Map(rows.map(({ name, type }) => [name, type]));
    // The table of keys is another one each time.
    if (table !== keyTable) this.#types.set(table, types);
    return types;
  }

  /** An array for each column: one statement text however many rows, and no limit on their number. */
  async #insertArrays(
    table: string,
    names: readonly string[],
    types: ReadonlyMap<string, string>,
    values: readonly (readonly CanonicalValue[])[],
  ): Promise<void> {
    const arrays = names.map((name, at) => `$${at + 1}::${types.get(name)}[]`).join(', ');
    await this.rows(
      `insert into ${this.qualified(table)} (${names.map(quote).join(', ')}) select * from unnest(${arrays})`,
      values as unknown[],
    );
  }

  async #alterReferences(when: 'deferrable initially deferred' | 'not deferrable'): Promise<void> {
    for (const { table, name } of this.#references)
      await this.rows(`alter table ${this.qualified(table)} alter constraint ${quote(name)} ${when}`);
  }
}

async function* inBatches<T>(items: AsyncIterable<T>, size: number): AsyncIterable<T[]> {
  let batch: T[] = [];
  for await (const item of items) {
    batch.push(item);
    if (batch.length < size) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}
