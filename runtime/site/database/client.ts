import pg from 'pg';
import QueryStream from 'pg-query-stream';
import { createColumnCompiler } from './columns.ts';
import { compatSchemaVersion, readCompatSchemaVersion } from './compat/schema.ts';
import { toMysqlError } from './errors.ts';
import { migrationEndpoint } from './migration-phase.ts';
import { joinSegments, type Translation, Translator } from './translation.ts';
import { castToNumber, toBinding, valueTypes } from './values.ts';

/** A connection with what the dialect remembers about it. */
interface Connection extends pg.Client {
  __knex__disposed?: unknown;
  /** Depth of knex's transactions: above 0 a failed statement would spoil those that follow. */
  transactions?: number;
  /** Whether it was opened for migrations, past the pooler. */
  migrating?: boolean;
  /** Major version of its server. */
  serverVersion?: string;
  /** Whether its server knows LIKE on nondeterministic collations: PostgreSQL 18 and newer. */
  likeOnCollations?: boolean;
  /** Whether the savepoint `statement` exists in the current transaction. */
  guarded?: boolean;
}

/** A query as knex hands it over. */
interface QueryObject {
  sql: string;
  bindings?: readonly unknown[];
  method?: string;
  pluck?: string;
  returning?: unknown;
  output?: (this: unknown, response: unknown) => unknown;
  response?: pg.QueryResult;
}

interface Prepared {
  readonly text: string;
  readonly values: readonly unknown[];
}

type Constructor<T> = new (...args: never[]) => T;
type RequireFromKnex = (module: string) => unknown;

/** The methods of knex's PostgreSQL client that the subclass builds on. */
interface PostgresClient {
  driverName: string;
  readonly connectionSettings: pg.ClientConfig;
  version: string | undefined;
}

const translators = new Map<boolean, Translator>();

function translatorFor(likeOnCollations: boolean): Translator {
  const translator = translators.get(likeOnCollations) ?? new Translator({ likeOnCollations });
  translators.set(likeOnCollations, translator);
  return translator;
}

/**
 * A subclass of the PostgreSQL client of one copy of knex that presents itself as its `mysql2`: statements come in
 * MySQL's language, results and errors go out in MySQL's shape.
 *
 * @param requireFromKnex `require` of the module whose place it takes, `knex/lib/dialects/mysql2/index.js`
 * @param siteDatabase where a connection without a database goes: MySQL has such connections, and knex-migrator asks one
 *   to create the database
 */
export function createPostgresClient(requireFromKnex: RequireFromKnex, siteDatabase: string): Constructor<object> {
  const Base = requireFromKnex('../postgres/index.js') as Constructor<PostgresClient>;
  const ColumnCompiler = createColumnCompiler(
    requireFromKnex('../postgres/schema/pg-columncompiler.js') as Parameters<typeof createColumnCompiler>[0],
  );
  const { makeEscape } = requireFromKnex('../../util/string.js') as { makeEscape: () => (value: unknown) => string };

  class GhostPostgresClient extends Base {
    override driverName = 'mysql2';
    _driver(): typeof pg {
      return pg;
    }

    columnCompiler(...args: unknown[]): unknown {
      return new ColumnCompiler(...([this, ...args] as never[]));
    }

    /** Identifiers in backticks, so that one lexer reads the builder's statements and Ghost's raw ones alike. */
    wrapIdentifierImpl(value: string): string {
      return value === '*' ? value : `\`${value.replaceAll('`', '``')}\``;
    }

    /** Placeholders stay `?` until the translation, which may move them. */
    positionBindings(sql: string): string {
      return sql;
    }

    prepBindings(bindings: readonly unknown[] | undefined): unknown[] {
      return (bindings ?? []).map(toBinding);
    }

    /** No session state is set: search path, time zone and timeouts belong to the role, and a pooler may stand between. */
    async acquireRawConnection(): Promise<Connection> {
      const { host, port, user, password, database, ssl } = this.connectionSettings;
      const migration = migrationEndpoint();
      const connection: Connection = new pg.Client({
        ...(migration === undefined ? { host, port } : { ...migration, options: '-c statement_timeout=0' }),
        ...{ user, password, ssl },
        database: database ?? siteDatabase,
        types: valueTypes,
        keepAlive: true,
        connectionTimeoutMillis: 10_000,
        application_name: 'ghost',
      });
      connection.migrating = migration !== undefined;
      connection.on('error', (error) => {
        connection.__knex__disposed = error;
      });
      connection.on('end', () => {
        connection.__knex__disposed ??= 'the connection ended';
      });
      try {
        await connection.connect();
        await learnServer(connection, this.connectionSettings);
        this.version ??= connection.serverVersion;
      } catch (error) {
        await connection.end().catch(() => undefined);
        throw toMysqlError(error, 'connect');
      }
      return connection;
    }

    validateConnection(connection: Connection): boolean {
      return connection.__knex__disposed === undefined && connection.migrating === (migrationEndpoint() !== undefined);
    }

    async destroyRawConnection(connection: Connection): Promise<void> {
      await connection.end();
    }

    async _query(connection: Connection, query: QueryObject): Promise<QueryObject> {
      if (!query.sql) throw new Error('The query is empty');
      const translation = translatorFor(connection.likeOnCollations === true).translate(query.sql);
      const prepared = prepare(translation, query.bindings ?? []);
      try {
        query.response = await execute(connection, translation, prepared);
        return query;
      } catch (error) {
        throw toMysqlError(error, prepared.text);
      }
    }

    async _stream(
      connection: Connection,
      query: QueryObject,
      stream: NodeJS.WritableStream & { on(event: 'end', listener: () => void): unknown },
      options?: object,
    ): Promise<void> {
      const translation = translatorFor(connection.likeOnCollations === true).translate(query.sql);
      const { text, values } = prepare(translation, query.bindings ?? []);
      const rows = connection.query(new QueryStream(text, [...values], { ...options, types: valueTypes } as never));
      await new Promise<void>((resolve, reject) => {
        rows.on('error', (error) => {
          const mapped = toMysqlError(error, text);
          reject(mapped);
          stream.emit('error', mapped);
        });
        rows.on('end', resolve);
        rows.pipe(stream);
      });
    }

    processResponse(query: QueryObject, runner: unknown): unknown {
      const { response, method } = query;
      if (query.output !== undefined) return query.output.call(runner, response);
      const rows = response?.rows ?? [];
      switch (method) {
        case 'first':
          return rows[0];
        case 'pluck':
          return rows.map((row: Record<string, unknown>) => row[query.pluck ?? '']);
        case 'select':
          return rows;
        case 'insert':
          return query.returning ? rows : [0];
        case 'del':
        case 'update':
        case 'counter':
          return query.returning ? rows : (response?.rowCount ?? 0);
        default:
          return rawResult(response);
      }
    }
  }

  Object.assign(GhostPostgresClient.prototype, { _escapeBinding: makeEscape() });
  return GhostPostgresClient as unknown as Constructor<object>;
}

/** Major versions of the servers that were asked already, by address: a pool opens connections all day. */
const knownServers = new Map<string, number>();

/**
 * Knows of a new connection which server it leads to, and asserts at the first that the database was prepared for Ghost.
 * Kept on the connection, since a transaction's client is a copy without the fields of the class.
 */
async function learnServer(connection: Connection, settings: pg.ClientConfig): Promise<void> {
  const address = `${settings.host}:${settings.port}/${settings.database}`;
  const major = knownServers.get(address) ?? (await askServer(connection));
  knownServers.set(address, major);
  connection.serverVersion = String(major);
  connection.likeOnCollations = major >= 18;
}

async function askServer(connection: Connection): Promise<number> {
  const installed = await readCompatSchemaVersion(connection);
  if (installed === undefined || installed < compatSchemaVersion) {
    throw new Error(
      `expected the schema mysql_compat in version ${compatSchemaVersion} or newer; got ${installed ?? 'none'}`,
    );
  }
  const { rows } = await connection.query<{ server_version_num: string }>('show server_version_num');
  return Math.trunc(Number(rows[0]?.server_version_num ?? 0) / 10_000);
}

/** `[rows, fields]` for what returns rows, `[{ affectedRows, … }]` for what does not: mysql2's answer to a raw query. */
function rawResult(response: pg.QueryResult | undefined): unknown {
  if (response !== undefined && response.fields.length > 0) return [response.rows, response.fields];
  const affectedRows = response?.rowCount ?? 0;
  return [{ affectedRows, changedRows: affectedRows, insertId: 0, warningStatus: 0, fieldCount: 0 }, undefined];
}

/** Puts the bindings where the translation wants them; lists become lists of placeholders, as mysql2 expands them. */
function prepare(translation: Translation, bindings: readonly unknown[]): Prepared {
  const { parameters, segments } = translation;
  const ordered = parameters.map((index) => bindings[index]);
  if (translation.kind === 'definition' && ordered.length > 0) {
    return { text: joinSegments(segments, ordered.map(inline)), values: [] };
  }
  const lists = ordered.some(Array.isArray);
  const merge = translation.mergeEqualBindings && new Set(ordered).size < ordered.length;
  if (!lists && !merge) return { text: translation.sql, values: ordered };
  const values: unknown[] = [];
  const placeholder = (value: unknown) => {
    const known = merge && typeof value === 'string' ? values.indexOf(value) : -1;
    return `$${known >= 0 ? known + 1 : values.push(value)}`;
  };
  const fillings = ordered.map((value) =>
    Array.isArray(value) ? (value.length > 0 ? value : [null]).map(placeholder).join(', ') : placeholder(value),
  );
  return { text: joinSegments(segments, fillings), values };
}

/** A definition takes no parameters in PostgreSQL. */
function inline(value: unknown): string {
  if (value === null || value === undefined) return 'NULL';
  return typeof value === 'number' ? String(value) : pg.escapeLiteral(String(value));
}

/**
 * Runs a statement. Inside of a transaction a write is guarded by a savepoint, since Ghost catches duplicate rows there
 * and goes on (importer, Stripe's webhooks, Mailgun's suppressions); the savepoint is moved rather than released, which
 * costs one round trip and keeps the number of sub-transactions at one.
 */
async function execute(connection: Connection, translation: Translation, prepared: Prepared): Promise<pg.QueryResult> {
  if (translation.kind === 'transaction') return control(connection, prepared.text);
  const query = { text: prepared.text, values: [...prepared.values] };
  if ((connection.transactions ?? 0) === 0) return retryingCasts(connection, translation, query);
  if (translation.kind !== 'write') return connection.query(query);
  await connection.query(
    connection.guarded === true ? 'release savepoint statement; savepoint statement' : 'savepoint statement',
  );
  connection.guarded = true;
  try {
    return await connection.query(query);
  } catch (error) {
    await connection.query('rollback to savepoint statement');
    throw error;
  }
}

async function control(connection: Connection, text: string): Promise<pg.QueryResult> {
  const command = /^\s*(\w+)(?:\s+(?:work\s+|transaction\s+)?(\w+))?/.exec(text.toLowerCase());
  const nested = command?.[1] === 'savepoint' || command?.[1] === 'release' || command?.[2] === 'to';
  // A savepoint of knex's own encloses ours: releasing or rolling back to it ends ours too.
  connection.guarded = false;
  if (!nested) connection.transactions = command?.[1] === 'begin' || command?.[1] === 'start' ? 1 : 0;
  return connection.query(text);
}

const numericTypes = /^invalid input syntax for type (smallint|integer|bigint|numeric|double precision|real): "(.*)"$/s;

/**
 * MySQL compares a number with a text by casting the text (`featured:'abc'` in a filter is 0); PostgreSQL refuses it. The
 * refused text is cast as MySQL would and the statement sent again; reads only, since MySQL refuses it in writes too.
 */
async function retryingCasts(
  connection: Connection,
  translation: Translation,
  query: { text: string; values: unknown[] },
): Promise<pg.QueryResult> {
  for (let left = query.values.length; ; left -= 1) {
    try {
      return await connection.query(query);
    } catch (error) {
      const refused = numericTypes.exec((error as Error).message);
      if (translation.kind !== 'read' || left === 0 || refused === null || !query.values.includes(refused[2]))
        throw error;
      const cast = castToNumber(refused[2] ?? '');
      const whole = /int/.test(refused[1] ?? '') ? Math.round(cast) : cast;
      query.values = query.values.map((value) => (value === refused[2] ? whole : value));
    }
  }
}
