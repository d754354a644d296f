import path from 'node:path';
import pg from 'pg';
import { Random } from '../../dataset/random.ts';
import { startPostgres } from '../../services/postgres.ts';
import { stopWhenInterrupted } from '../interruption.ts';
import { percentileOf } from '../load.ts';
import { type Outcome, type Projection, rateOfWorkers } from './projection.ts';

const sites = 1_000;
const creators = 400;
const days = 365;
const connections = 16;

/**
 * What the platform database keeps and is asked at a thousand sites, in a scratch database: a year of daily metrics,
 * hash-partitioned by creator, each creator behind row-level security.
 */
export const platformDatabase: Projection = {
  name: 'platform',
  async measure({ dir, seconds }) {
    const server = await startPostgres({ dataDir: path.join(dir, 'platform') });
    stopWhenInterrupted(() => server.stop());
    const { host, port, user, password } = server;
    const connect = async (as: string, secret: string) => {
      const client = new pg.Client({ host, port, user: as, password: secret, database: 'postgres' });
      await client.connect();
      return client;
    };
    const clients: pg.Client[] = [];
    try {
      const administrator = await connect(user, password);
      clients.push(administrator);
      await prepare(administrator);
      const workers = await Promise.all(Array.from({ length: connections }, () => connect('app', 'a-password')));
      clients.push(...workers);
      return [await measureIngest(administrator), ...(await measureDashboards(workers, seconds))];
    } finally {
      await Promise.all(clients.map((client) => client.end()));
      await server.stop();
    }
  },
};

async function prepare(client: pg.Client): Promise<void> {
  const partitions = Array.from(
    { length: 8 },
    (_, at) => `create table metrics_${at} partition of metrics for values with (modulus 8, remainder ${at});`,
  );
  await client.query(`
    create role app login password 'a-password';
    create table metrics (creator_id integer, site_id integer, day date, views integer, members integer, mrr integer,
      primary key (creator_id, site_id, day)) partition by hash (creator_id);
    ${partitions.join('\n')}
    alter table metrics enable row level security;
    alter table metrics force row level security;
    create policy own on metrics using (creator_id = current_setting('platform.creator')::integer);
    grant select on metrics to app;
    insert into metrics select site % ${creators}, site, date '2026-01-01' + day, site * day % 997, site + day, site
      from generate_series(0, ${sites - 1}) as site, generate_series(0, ${days - 1}) as day;`);
  await client.query('vacuum analyze metrics');
}

/** The metrics of a new day, one statement for all sites. */
async function measureIngest(client: pg.Client): Promise<Outcome> {
  const started = performance.now();
  for (let day = 0; day < 10; day += 1) {
    await client.query(
      `insert into metrics select site % ${creators}, site, date '2027-01-01' + $1::integer, 1, 1, 1
        from generate_series(0, ${sites - 1}) as site
        on conflict (creator_id, site_id, day) do update set views = excluded.views`,
      [day],
    );
  }
  return {
    projection: 'platform database, 1,000 sites',
    level: 'the metrics of a day, one transaction',
    wanted: 1_000,
    measured: (performance.now() - started) / 10,
    unit: 'ms',
    least: true,
  };
}

/** A creator's dashboard: a month of all their sites, in a transaction that names the creator. */
async function measureDashboards(workers: readonly pg.Client[], seconds: number): Promise<Outcome[]> {
  const random = new Random(1);
  const latencies: number[] = [];
  const dashboard = (client: pg.Client) => async () => {
    const started = performance.now();
    await client.query('begin');
    await client.query("select set_config('platform.creator', $1, true)", [String(random.integer(0, creators - 1))]);
    await client.query(`select day, sum(views) as views, sum(members) as members, sum(mrr) as mrr from metrics
      where day >= date '2026-12-01' and creator_id = current_setting('platform.creator')::integer group by day order by day`);
    await client.query('commit');
    latencies.push(performance.now() - started);
  };
  const rate = await rateOfWorkers(seconds, 1, workers.map(dashboard));
  const level = `a month of a creator's sites, row-level security forced, ${connections} connections`;
  const projection = 'platform database, 1,000 sites';
  return [
    { projection, level, wanted: 100, measured: rate, unit: 'dashboards/s' },
    {
      projection,
      level: 'the same; 95 of 100',
      wanted: 100,
      measured: percentileOf(latencies, 0.95),
      unit: 'ms',
      least: true,
    },
  ];
}
