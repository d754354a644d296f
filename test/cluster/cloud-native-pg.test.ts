import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { poolerRole } from '../../components/postgres-cluster.ts';
import { debianPostgres, installCloudNative } from '../../scripts/cluster/cloud-native-pg.ts';
import { type PlannedResource, planStack } from '../policy/plan.ts';
import { clusterCommand, eventually, useClusterBed } from '../support/cluster/bed.ts';
import { machineAddressOf } from '../support/cluster/machine-postgres.ts';
import { startObjectStorage, type TestObjectStorage } from '../support/object-storage.ts';
import { temporaryDir } from '../support/site-process.ts';

const namespace = 'cloud-native';
const site = { user: 'site_aurora', password: 'correct horse', database: 'ghost_site_aurora' };

interface Login {
  readonly user: string;
  readonly password: string;
  readonly database: string;
}

/** Objects for `kubectl apply`, and the password of the administrator. */
interface ClusterObjects {
  readonly list: object;
  readonly password: string;
}

/** Of everything that a stack makes, the objects of its PostgreSQL cluster, in a namespace of the test. */
async function planCluster(
  name: string,
  storage: TestObjectStorage,
  { serverName, ...settings }: { instances: number; recovery?: object; serverName?: string },
): Promise<ClusterObjects> {
  const backup = { destinationPath: `s3://${storage.bucket}/postgres`, endpoint: storage.endpoint, serverName };
  const cluster = { name, region: 'eu', kind: 'cloudnative-pg', storageGiB: 1, backup, ...settings };
  const { accessKeyId, secretAccessKey } = storage;
  const { resources } = await planStack('staging', {
    sites: {},
    secrets: {
      clusterBackupKeys: { [name]: { accessKeyId, secretAccessKey } },
      mediaAccessKeyId: 'correct-horse-id',
      mediaSecretAccessKey: 'correct-horse-secret',
    },
    config: { clusters: [{ ...cluster, postgresVersion: debianPostgres }] },
  });
  const isOwn = ({ type, parentTypes }: PlannedResource) =>
    type.startsWith('kubernetes:') && parentTypes.includes('ghost-fleet:components:CloudNativeServer');
  const items = resources.filter(isOwn).map(({ type, inputs }) => ({
    apiVersion: inputs.apiVersion ?? 'v1',
    kind: type.split(':').at(-1),
    ...inputs,
    metadata: { ...(inputs.metadata as object), namespace },
  }));
  const password = items
    .map((item) => (item as { stringData?: { username?: string; password?: string } }).stringData)
    .find((login) => login?.username === 'postgres')?.password;
  return { list: { apiVersion: 'v1', kind: 'List', items }, password: password ?? '' };
}

// Building the operator and the image of PostgreSQL takes some minutes, once.
describe.runIf(process.env.CLUSTER_WITH === 'cloudnative-pg')('a PostgreSQL cluster of CloudNativePG', () => {
  const bed = useClusterBed();
  let storage: TestObjectStorage;
  let password: string;
  let removeFiles: () => Promise<void>;
  beforeAll(async () => {
    await installCloudNative(bed.kubectl, '.', (tar) => clusterCommand(bed.folder, 'load', tar));
    const files = await temporaryDir();
    removeFiles = files.remove;
    storage = await startObjectStorage(files.dir, machineAddressOf(bed));
    await apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
    const objects = await planCluster('eu-1', storage, { instances: 2 });
    password = objects.password;
    await apply(objects.list);
  }, 1_200_000);
  afterAll(async () => {
    await storage?.stop();
    await removeFiles?.();
  });

  const apply = (object: object) => bed.kubectl.run(['apply', '--server-side', '--filename=-'], JSON.stringify(object));
  const read = (kind: string, name: string, jsonpath: string) =>
    bed.kubectl.read('get', kind, name, `--namespace=${namespace}`, `--output=jsonpath=${jsonpath}`);
  const until = (condition: string, object: string) =>
    bed.kubectl.run(['wait', `--namespace=${namespace}`, '--timeout=300s', `--for=${condition}`, object]);

  /** A client of one of the cluster's Services, whose addresses this machine reaches; ends with what uses it. */
  async function query<Row>(service: string, login: Login, ...statements: readonly string[]): Promise<Row[]> {
    const host = await read('service', service, '{.spec.clusterIP}');
    const ssl = service.endsWith('-rw') ? { rejectUnauthorized: false } : false;
    const client = new pg.Client({
      host,
      port: 5432,
      ...login,
      ssl,
      connectionTimeoutMillis: 5_000,
      query_timeout: 10_000,
    });
    // The server may go away in the middle.
    client.on('error', () => undefined);
    await client.connect();
    try {
      let rows: Row[] = [];
      for (const statement of statements) rows = (await client.query(statement)).rows as Row[];
      return rows;
    } finally {
      client.end().catch(() => undefined);
    }
  }
  const administrator = (): Login => ({ user: 'postgres', password, database: 'postgres' });

  /** Has the server archive all that it wrote. */
  async function archive(): Promise<void> {
    const [written] = await query<{ wal: string }>(
      'eu-1-rw',
      administrator(),
      'select pg_walfile_name(pg_switch_wal()) as wal',
    );
    await eventually(async () => {
      const [archiver] = await query<{ wal: string | null }>(
        'eu-1-rw',
        administrator(),
        'select last_archived_wal as wal from pg_stat_archiver',
      );
      // Names of segments grow within a timeline.
      expect((archiver?.wal ?? '') >= (written?.wal ?? 'none')).toBe(true);
    }, 120_000);
  }

  it("comes up from the stack's objects, and its pooler lets in a role that was made since", async () => {
    await until('condition=Ready', 'cluster.postgresql.cnpg.io/eu-1');
    await eventually(() => until('condition=Available', 'deployment/eu-1-pooler'), 120_000);
    expect(await read('cluster.postgresql.cnpg.io', 'eu-1', '{.status.readyInstances}')).toBe('2');

    const roles = await query(
      'eu-1-rw',
      administrator(),
      `create role ${site.user} login password '${site.password}'`,
      `create database ${site.database} owner ${site.user}`,
      `select rolname from pg_roles where rolname = '${poolerRole}'`,
    );
    expect(roles).toHaveLength(1);
    const who = 'select current_user as user, current_database() as database';
    expect(await eventually(() => query('eu-1-pooler', site, who))).toEqual([
      { user: site.user, database: site.database },
    ]);
    await expect(query('eu-1-pooler', { ...site, password: 'wrong' }, who)).rejects.toThrow();
  }, 600_000);

  it('loses nothing that it confirmed where its primary is killed, and the replica goes on', async () => {
    await query('eu-1-pooler', site, 'create table letters (id bigint primary key)');
    const replication = "select sync_state from pg_stat_replication where sync_state in ('sync', 'quorum')";
    await eventually(async () => expect(await query('eu-1-rw', administrator(), replication)).toHaveLength(1), 120_000);

    const primary = await read('cluster.postgresql.cnpg.io', 'eu-1', '{.status.currentPrimary}');
    const confirmed: number[] = [];
    let refused = 0;
    let ended = false;
    const writer = (async () => {
      for (let id = 1; !ended; id++) {
        await query('eu-1-pooler', site, `insert into letters values (${id})`).then(
          () => confirmed.push(id),
          async () => {
            refused++;
            await sleep(200);
          },
        );
      }
    })();
    await eventually(async () => expect(confirmed.length).toBeGreaterThan(50));
    await bed.kubectl.run(['delete', 'pod', primary, `--namespace=${namespace}`, '--grace-period=0', '--force']);
    const before = confirmed.length;
    try {
      await eventually(async () => {
        expect(await read('cluster.postgresql.cnpg.io', 'eu-1', '{.status.currentPrimary}')).not.toBe(primary);
        expect(confirmed.length).toBeGreaterThan(before + 50);
      }, 240_000);
    } finally {
      ended = true;
      await writer;
    }
    console.log(`${confirmed.length} writes confirmed, ${refused} refused until the replica was the primary`);
    expect(refused).toBeGreaterThan(0);
    const rows = await query<{ id: string }>('eu-1-pooler', site, 'select id from letters');
    const kept = new Set(rows.map(({ id }) => Number(id)));
    expect(confirmed.filter((id) => !kept.has(id))).toEqual([]);
    // The old primary comes back as a replica.
    await eventually(async () => expect(await query('eu-1-rw', administrator(), replication)).toHaveLength(1), 240_000);
  }, 600_000);

  it('comes back in another cluster as it was at a point in time', async () => {
    const backups = ['get', 'backups.postgresql.cnpg.io', `--namespace=${namespace}`];
    const phases = () => bed.kubectl.read(...backups, '--output=jsonpath={.items[*].status.phase}');
    await eventually(async () => expect(await phases()).toContain('completed'), 240_000);

    await query('eu-1-pooler', site, 'create table posts (title text)', "insert into posts values ('before')");
    await archive();
    const [now] = await query<{ time: string }>(
      'eu-1-rw',
      administrator(),
      `select to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as time`,
    );
    await query('eu-1-pooler', site, "insert into posts values ('by mistake')", 'drop table letters');
    await archive();

    const recovery = { serverName: 'eu-1', targetTime: now?.time };
    const recovered = await planCluster('eu-2', storage, { instances: 1, recovery });
    await apply(recovered.list);
    await until('condition=Ready', 'cluster.postgresql.cnpg.io/eu-2');
    await eventually(() => until('condition=Available', 'deployment/eu-2-pooler'), 120_000);
    expect(await eventually(() => query('eu-2-pooler', site, 'select title from posts'))).toEqual([
      { title: 'before' },
    ]);
    const [{ count } = {}] = await query<{ count?: string }>('eu-2-pooler', site, 'select count(*) from letters');
    expect(Number(count)).toBeGreaterThan(100);
    // The new stack's password, not that of the backup.
    const login = { ...administrator(), password: recovered.password };
    expect(await query('eu-2-rw', login, 'select pg_is_in_recovery() as recovering')).toEqual([{ recovering: false }]);
    // What it was made from goes on.
    expect(await query('eu-1-pooler', site, 'select title from posts order by title')).toEqual([
      { title: 'before' },
      { title: 'by mistake' },
    ]);
  }, 900_000);

  it('comes back under its own name where it was lost with its volumes', async () => {
    await bed.kubectl.run(['delete', 'cluster.postgresql.cnpg.io/eu-1', `--namespace=${namespace}`, '--timeout=120s']);
    // The pooler's pods stay.
    await eventually(async () => {
      const left = ['pods,persistentvolumeclaims', `--namespace=${namespace}`, '--selector=cnpg.io/cluster=eu-1'];
      expect(await bed.kubectl.read('get', ...left, '--output=name')).not.toMatch(/eu-1-\d/);
    }, 120_000);
    const recovery = { serverName: 'eu-1' };
    const recovered = await planCluster('eu-1', storage, { instances: 1, recovery, serverName: 'eu-1-b' });
    await apply(recovered.list);
    await until('condition=Ready', 'cluster.postgresql.cnpg.io/eu-1');
    const titles = () => query('eu-1-pooler', site, 'select title from posts order by title');
    expect(await eventually(titles, 120_000)).toEqual([{ title: 'before' }, { title: 'by mistake' }]);
  }, 900_000);
});
