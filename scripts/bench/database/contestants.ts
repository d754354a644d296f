import { readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import type { Knex } from 'knex';
import { provisionSiteDatabase } from '../../../runtime/database/provision.ts';
import { namesOf } from '../../../sites/naming.ts';
import { connectMariadb, connectPostgres, connectSqlite, convertToMysqlCollation } from '../../dataset/connections.ts';
import { repositoryDir, SupervisedProcess } from '../../fleet/supervised-process.ts';
import { startMariadb } from '../../services/mariadb.ts';
import { startPostgres } from '../../services/postgres.ts';
import { type StockDatabase, startStockGhost } from '../../services/stock-ghost.ts';
import { cpuSecondsOf } from '../cpu.ts';

/** A Ghost that serves on one database. */
export interface RunningContestant {
  readonly port: number;
  /** A connection to its database past Ghost. */
  connect(): Knex;
  /** Processor seconds so far, of Ghost and of its database server. */
  cpu(): { readonly ghost: number; readonly database: number };
  /** What makes it durable and how many connections it has, in its own words. */
  settings(): Promise<string>;
  /** The last of what Ghost logged. */
  log(): string;
  stop(): Promise<void>;
}

/** A database under comparison. Everything it keeps stands below the folder that it is started in. */
export interface Contestant {
  readonly name: 'SQLite' | 'MariaDB' | 'PostgreSQL';
  /** Files of this repository on which its data depends. */
  readonly madeBy: readonly string[];
  start(dir: string, ghostPath: string): Promise<RunningContestant>;
  /** Once, after Ghost's first start and before the database is filled. */
  prepare?(running: RunningContestant): Promise<void>;
  /** Once, after the database was filled. */
  settle(knex: Knex): Promise<void>;
}

/** Connections that Ghost holds at most: knex's own number, which stock Ghost has on MySQL. */
const poolMax = 10;

const ghostEnvironment = {
  mail__transport: 'stub',
  security__staffDeviceVerification: 'false',
  privacy__useUpdateCheck: 'false',
  privacy__useGravatar: 'false',
};

const database = 'bench';
const password = 'a-password';

export const sqlite: Contestant = {
  name: 'SQLite',
  madeBy: [],
  async start(dir, ghostPath) {
    const filename = path.join(dir, 'ghost.db');
    const ghost = await startStock(dir, ghostPath, { client: 'sqlite', filename });
    return {
      port: ghost.port,
      connect: () => connectSqlite(filename),
      cpu: () => ({ ghost: cpuSecondsOf(ghost.pid), database: 0 }),
      async settings() {
        const knex = connectSqlite(filename);
        try {
          const [[version], [journal], [sync]] = [
            await knex.raw('select sqlite_version() as value'),
            await knex.raw('pragma journal_mode'),
            await knex.raw('pragma synchronous'),
          ];
          const level = ['OFF', 'NORMAL', 'FULL', 'EXTRA'][sync.synchronous];
          return `${version.value}, journal_mode=${journal.journal_mode}, synchronous=${level}, in Ghost's own process`;
        } finally {
          await knex.destroy();
        }
      },
      log: () => ghost.output().slice(-2000),
      stop: () => ghost.stop(),
    };
  },
  async settle(knex) {
    await knex.raw('analyze');
  },
};

export const mariadb: Contestant = {
  name: 'MariaDB',
  madeBy: ['scripts/dataset/connections.ts'],
  async start(dir, ghostPath) {
    const server = await startMariadb({
      dataDir: path.join(dir, 'mariadb'),
      settings: { 'innodb-flush-log-at-trx-commit': '1' },
    });
    const { host, port, user } = server;
    const ghost = await startStock(dir, ghostPath, { client: 'mysql', host, port, user, password: '', database });
    return {
      port: ghost.port,
      connect: () => connectMariadb(server, database),
      cpu: () => ({ ghost: cpuSecondsOf(ghost.pid), database: cpuSecondsOf(server.pid) }),
      settings: () =>
        describe(connectMariadb(server), async (knex) => {
          const names = ['innodb_flush_log_at_trx_commit', 'innodb_doublewrite', 'log_bin', 'innodb_buffer_pool_size'];
          const [[version]] = await knex.raw('select version() as value');
          const [rows] = await knex.raw(
            `show variables where variable_name in (${names.map(() => '?').join()})`,
            names,
          );
          const values = rows.map((row: Record<string, string>) => `${row.Variable_name}=${row.Value}`);
          return [version.value, ...values, `pool ${poolMax}`].join(', ');
        }),
      log: () => ghost.output().slice(-2000),
      async stop() {
        await ghost.stop();
        await server.stop();
      },
    };
  },
  prepare: (running) => describe(running.connect(), (knex) => convertToMysqlCollation(knex, database)),
  async settle(knex) {
    const [rows] = await knex.raw('show full tables where table_type = ?', ['BASE TABLE']);
    for (const row of rows) await knex.raw('analyze table ??', [Object.values(row)[0] as string]);
  },
};

/** @param prepared whether connections keep statements prepared, which no transaction pooler may stand before */
export const postgres = (prepared: boolean): Contestant => ({
  name: 'PostgreSQL',
  madeBy: [
    'runtime/site/database/compat',
    'runtime/site/database/columns.ts',
    'runtime/site/database/tables.ts',
    'runtime/site/database/rewrites/definitions.ts',
  ],
  async start(dir, ghostPath) {
    const server = await startPostgres({
      dataDir: path.join(dir, 'postgres'),
      settings: { fsync: 'on', synchronous_commit: 'on', ...extraPostgresSettings() },
    });
    const place = await provisionSiteDatabase(server, { slug: database, strategy: 'database', password });
    const site = new SupervisedProcess({
      slug: database,
      logFile: path.join(dir, 'ghost.log'),
      whenFree: (start) => start(),
      launch: async ({ port, probePort }) => ({
        command: process.execPath,
        args: ['--disable-warning=ExperimentalWarning', path.join(repositoryDir, 'runtime/site/entrypoint.ts')],
        env: {
          PATH: process.env.PATH,
          HOME: process.env.HOME,
          ...ghostEnvironment,
          GHOST_PATH: path.resolve(ghostPath),
          SITE_SLUG: database,
          SITE_URL: `http://localhost:${port}`,
          CONTENT_PATH: path.join(dir, 'content'),
          LOG_LEVEL: 'error',
          STOP_ON_STDIN_END: 'true',
          PORT: String(port),
          PROBE_PORT: String(probePort),
          DATABASE_CLIENT: 'postgres',
          DATABASE_STRATEGY: 'database',
          DATABASE_HOST: server.host,
          DATABASE_PORT: String(server.port),
          DATABASE_NAME: place.database,
          DATABASE_PASSWORD: password,
          DATABASE_POOL_MAX: String(poolMax),
          DATABASE_PREPARED_STATEMENTS: prepared ? 'on' : 'off',
        },
      }),
    });
    await mkdir(path.join(dir, 'content'), { recursive: true });
    site.start();
    await site.settled();
    if (site.state !== 'ready') {
      site.kill();
      await server.stop();
      throw new Error(`Ghost on PostgreSQL did not start (${site.state} ${site.detail}); see ${dir}/ghost.log`);
    }
    const connect = () =>
      connectPostgres(server, { database: namesOf(database).database, searchPath: 'public, mysql_compat' });
    return {
      port: site.port,
      connect,
      cpu: () => ({ ghost: cpuSecondsOf(site.pid ?? 0), database: cpuSecondsOf(server.pid) }),
      settings: () =>
        describe(connect(), async (knex) => {
          const names = ['fsync', 'synchronous_commit', 'full_page_writes', 'shared_buffers'];
          const { rows } = await knex.raw(
            `select name || '=' || current_setting(name) as value from unnest(?::text[]) as name`,
            [names],
          );
          const { rows: version } = await knex.raw('show server_version');
          return [
            version[0].server_version,
            ...rows.map((row: { value: string }) => row.value),
            `pool ${poolMax}`,
            `prepared statements ${prepared ? 'on' : 'off'}`,
          ].join(', ');
        }),
      log: () => readFileSync(path.join(dir, 'ghost.log'), 'utf8').slice(-2000),
      async stop() {
        await site.stop();
        await server.stop();
      },
    };
  },
  async settle(knex) {
    await knex.raw('vacuum analyze');
  },
});

function startStock(dir: string, ghostPath: string, at: StockDatabase) {
  return startStockGhost({ ghostPath, contentPath: path.join(dir, 'content'), database: at, env: ghostEnvironment });
}

/** Server settings for a profile, as `name=value name=value` in BENCH_POSTGRES_SETTINGS: auto_explain, pg_stat_statements. */
function extraPostgresSettings(): Record<string, string> {
  const pairs = (process.env.BENCH_POSTGRES_SETTINGS ?? '').split(' ').filter((pair) => pair.includes('='));
  return Object.fromEntries(pairs.map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]));
}

async function describe<T>(knex: Knex, ask: (knex: Knex) => Promise<T>): Promise<T> {
  try {
    return await ask(knex);
  } finally {
    await knex.destroy();
  }
}
