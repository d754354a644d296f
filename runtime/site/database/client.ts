import pg from 'pg';
import QueryStream from 'pg-query-stream';
import { createColumnCompiler } from './columns.ts';
import { toMysqlError } from './errors.ts';
import { type Connection, execute, prepare } from './execution.ts';
import { migrationEndpoint } from './migration-phase.ts';
import { StatementNames } from './prepared-statements.ts';
import { learnServer } from './server.ts';
import { createTableCompiler } from './tables.ts';
import { Translator } from './translation.ts';
import { toBinding, valueTypes } from './values.ts';

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

type Constructor<T> = new (...args: never[]) => T;
type RequireFromKnex = (module: string) => unknown;

/** The methods of knex's PostgreSQL client that the subclass builds on. */
interface PostgresClient {
  driverName: string;
  readonly connectionSettings: pg.ClientConfig & { readonly preparedStatements?: boolean };
  version: string | undefined;
}

const translator = new Translator();
const statementNames = new StatementNames();

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
  const TableCompiler = createTableCompiler(
    requireFromKnex('../postgres/schema/pg-tablecompiler.js') as Parameters<typeof createTableCompiler>[0],
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

    tableCompiler(...args: unknown[]): unknown {
      return new TableCompiler(...([this, ...args] as never[]));
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
      const { host, port, user, password, database, ssl, preparedStatements } = this.connectionSettings;
      const migration = migrationEndpoint();
      const connection: Connection = new pg.Client({
        ...(migration === undefined ? { host, port } : { ...migration, options: withoutTimeLimits }),
        ...{ user, password, ssl },
        database: database ?? siteDatabase,
        types: valueTypes,
        // A server whose machine is lost says nothing more.
        keepAlive: true,
        keepAliveInitialDelayMillis: 10_000,
        connectionTimeoutMillis: 10_000,
        application_name: 'ghost',
      });
      connection.migrating = migration !== undefined;
      connection.statementNames = preparedStatements === true && !connection.migrating ? statementNames : undefined;
      connection.preparedNames = new Set();
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
      const translation = translator.translate(query.sql);
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
      const translation = translator.translate(query.sql);
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

/** A change of a large table takes as long as it takes, and so does what Ghost computes between two statements. */
const withoutTimeLimits = '-c statement_timeout=0 -c idle_in_transaction_session_timeout=0';

/** `[rows, fields]` for what returns rows, `[{ affectedRows, … }]` for what does not: mysql2's answer to a raw query. */
function rawResult(response: pg.QueryResult | undefined): unknown {
  if (response !== undefined && response.fields.length > 0) return [response.rows, response.fields];
  const affectedRows = response?.rowCount ?? 0;
  return [{ affectedRows, changedRows: affectedRows, insertId: 0, warningStatus: 0, fieldCount: 0 }, undefined];
}
