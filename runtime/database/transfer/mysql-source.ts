import { type Connection, createConnection, type QueryError } from 'mysql2';
import type { Provenance, Selection, Table, TransferSource } from './database.ts';
import { SourceUnavailableError, TransferRefusedError } from './refusal.ts';
import type { ColumnKind } from './values.ts';

/** How to reach a MySQL or MariaDB database. */
export interface MysqlSettings {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
  /** Path of a Unix socket, instead of host and port. */
  readonly socketPath?: string;
  /** `off`, `require` (encrypted) or `verify` (encrypted, certificate checked). */
  readonly ssl: 'off' | 'require' | 'verify';
}

const kinds: Readonly<Record<string, ColumnKind>> = {
  ...{ char: 'text', varchar: 'text', tinytext: 'text', text: 'text', mediumtext: 'text', longtext: 'text' },
  ...{ tinyint: 'integer', smallint: 'integer', mediumint: 'integer', int: 'integer', bigint: 'integer' },
  ...{ float: 'decimal', double: 'decimal', decimal: 'decimal' },
  ...{ datetime: 'time', timestamp: 'time' },
  ...{
    binary: 'binary',
    varbinary: 'binary',
    tinyblob: 'binary',
    blob: 'binary',
    mediumblob: 'binary',
    longblob: 'binary',
  },
};

/** A site's MySQL or MariaDB database, read in one snapshot and never written to. */
export class MysqlSource implements TransferSource {
  readonly label: string;
  readonly #settings: MysqlSettings;
  readonly #floats = new Set<string>();
  #connection: Connection | undefined;

  constructor(settings: MysqlSettings) {
    this.#settings = settings;
    const { user, host, port, database, socketPath } = settings;
    this.label = `mysql://${user}@${socketPath ?? `${host}:${port}`}/${database}`;
  }

  async open(): Promise<void> {
    const { host, port, socketPath, ssl, user, password, database } = this.#settings;
    const connection = createConnection({
      ...(socketPath === undefined ? { host, port } : { socketPath }),
      ...{ user, password, database, charset: 'utf8mb4', connectTimeout: 10_000 },
      ...(ssl === 'off' ? {} : { ssl: { rejectUnauthorized: ssl === 'verify' } }),
    });
    connection.on('error', () => undefined);
    await new Promise<void>((resolve, reject) => {
      connection.connect((error) => (error === null ? resolve() : reject(this.#unavailable(error))));
    });
    this.#connection = connection;
    // The server ends a result that waits longer than that for its reader.
    await this.#rows("set session time_zone = '+00:00', net_write_timeout = 3600, wait_timeout = 28800");
    await this.#rows('set transaction isolation level repeatable read');
    await this.#rows('start transaction with consistent snapshot, read only');
  }

  async readTables(): Promise<Table[]> {
    const rows = await this.#rows<{ name: string; engine: string; col: string; type: string; isKey: number }>(
      `select t.table_name as name, t.engine as engine, c.column_name as col, c.data_type as type,
          c.column_key = 'PRI' as isKey
         from information_schema.tables t join information_schema.columns c
           on c.table_schema = t.table_schema and c.table_name = t.table_name
        where t.table_schema = database() and t.table_type = 'BASE TABLE' order by t.table_name, c.ordinal_position`,
    );
    const unsafe = new Set(
      rows.filter(({ engine }) => engine !== 'InnoDB').map(({ name, engine }) => `${name} in ${engine}`),
    );
    if (unsafe.size > 0) {
      throw new TransferRefusedError([
        `${this.label}: expected tables of InnoDB, which can be read in one snapshot; got ${[...unsafe].join(', ')}`,
      ]);
    }
    for (const { name, col, type } of rows) if (type === 'float') this.#floats.add(`${name}.${col}`);
    return [...Map.groupBy(rows, ({ name }) => name)].map(([name, columns]) => ({
      name,
      key: columns.filter(({ isKey }) => isKey === 1).map(({ col }) => col),
      columns: columns.map(({ col, type }) => ({ name: col, type, kind: kinds[type], maxLength: undefined })),
    }));
  }

  async readProvenance(): Promise<Provenance> {
    const migrations = await this.#rows<{ name: string; version: string }>('select name, version from migrations');
    const locked = await this.#rows('select 1 from migrations_lock where locked = 1');
    return { migrations, locked: locked.length > 0 };
  }

  async countRows(table: string): Promise<number> {
    const [row] = await this.#rows<{ count: number }>(`select count(*) as count from ${quote(table)}`);
    return Number(row?.count);
  }

  async *readRows({ table, columns }: Selection): AsyncIterable<readonly unknown[]> {
    const list = columns.map(({ name }) =>
      // A float is written with six digits only, unless it is a double.
      this.#floats.has(`${table}.${name}`) ? `${quote(name)} + 0e0 as ${quote(name)}` : quote(name),
    );
    const binary = new Set(columns.filter(({ kind }) => kind === 'binary').map(({ name }) => name));
    const query = this.#open().query({
      sql: `select ${list.join(', ')} from ${quote(table)}`,
      rowsAsArray: true,
      // As the server writes them: nothing passes through a double or a local time.
      typeCast: (field) => (binary.has(field.name) ? field.buffer() : field.string()),
    });
    yield* query.stream({ highWaterMark: 200 }) as AsyncIterable<unknown[]>;
  }

  async close(): Promise<void> {
    this.#connection?.destroy();
    this.#connection = undefined;
  }

  #open(): Connection {
    if (this.#connection === undefined) throw new Error(`${this.label} is not open`);
    return this.#connection;
  }

  #unavailable(error: QueryError): SourceUnavailableError {
    return new SourceUnavailableError(this.label, error.message || error.code);
  }

  #rows<Row>(sql: string): Promise<Row[]> {
    return new Promise((resolve, reject) => {
      this.#open().query(sql, (error, rows) => (error === null ? resolve(rows as Row[]) : reject(error)));
    });
  }
}

function quote(name: string): string {
  return `\`${name.replaceAll('`', '``')}\``;
}
