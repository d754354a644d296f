import pg from 'pg';
import { beforeAll, describe, expect, it } from 'vitest';
import { poolerRole } from '../../components/postgres-cluster.ts';
import { debianPostgres, installCloudNative } from '../../scripts/cluster/cloud-native-pg.ts';
import { type PlannedResource, planStack } from '../policy/plan.ts';
import { clusterCommand, eventually, useClusterBed } from '../support/cluster/bed.ts';

const namespace = 'cloud-native';

/** Of everything that a stack makes, the objects of its PostgreSQL cluster, for `kubectl apply` in a namespace of the test. */
async function planCluster(): Promise<readonly object[]> {
  const settings = { name: 'eu-1', region: 'eu', kind: 'cloudnative-pg', instances: 1, storageGiB: 1 };
  const { resources } = await planStack('staging', {
    sites: {},
    secrets: { mediaAccessKeyId: 'correct-horse-id', mediaSecretAccessKey: 'correct-horse-secret' },
    config: { clusters: [{ ...settings, postgresVersion: debianPostgres }] },
  });
  const isOwn = ({ type, parentTypes }: PlannedResource) =>
    type.startsWith('kubernetes:') && parentTypes.includes('ghost-fleet:components:CloudNativeServer');
  return resources.filter(isOwn).map(({ type, inputs }) => ({
    apiVersion: inputs.apiVersion ?? 'v1',
    kind: type.split(':').at(-1),
    ...inputs,
    metadata: { ...(inputs.metadata as object), namespace },
  }));
}

// Building the operator and the image of PostgreSQL takes some minutes, once.
describe.runIf(process.env.CLUSTER_WITH === 'cloudnative-pg')('a PostgreSQL cluster of CloudNativePG', () => {
  const bed = useClusterBed();
  let password: string;
  beforeAll(async () => {
    await installCloudNative(bed.kubectl, '.', (tar) => clusterCommand(bed.folder, 'load', tar));
    const objects = await planCluster();
    password = objects
      .map((object) => (object as { stringData?: { username: string; password: string } }).stringData)
      .find((login) => login?.username === 'postgres')?.password as string;
    const own = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } };
    const list = { apiVersion: 'v1', kind: 'List', items: [own, ...objects] };
    await bed.kubectl.run(['apply', '--server-side', '--filename=-'], JSON.stringify(list));
  }, 1_200_000);

  /** A client of one of the cluster's Services, whose addresses this machine reaches. */
  async function connect(service: string, login: { user: string; password: string; database: string; ssl: boolean }) {
    const host = await bed.kubectl.read(
      'get',
      'service',
      service,
      `--namespace=${namespace}`,
      '--output=jsonpath={.spec.clusterIP}',
    );
    const ssl = login.ssl ? { rejectUnauthorized: false } : false;
    const client = new pg.Client({ host, port: 5432, ...login, ssl, connectionTimeoutMillis: 10_000 });
    await client.connect();
    return client;
  }

  it("comes up from the stack's objects, and its pooler lets in a role that was made since", async () => {
    const wait = ['wait', `--namespace=${namespace}`, '--timeout=300s'];
    await bed.kubectl.run([...wait, '--for=condition=Ready', 'cluster.postgresql.cnpg.io/eu-1']);
    await eventually(() => bed.kubectl.run([...wait, '--for=condition=Available', 'deployment/eu-1-pooler']), 120_000);

    const admin = await connect('eu-1-rw', { user: 'postgres', password, database: 'postgres', ssl: true });
    const { rows } = await admin.query('select rolname from pg_roles where rolname = $1', [poolerRole]);
    expect(rows).toHaveLength(1);
    await admin.query("create role site_aurora login password 'correct horse'");
    await admin.query('create database ghost_site_aurora owner site_aurora');
    await admin.end();

    const site = { user: 'site_aurora', password: 'correct horse', database: 'ghost_site_aurora', ssl: false };
    const client = await eventually(() => connect('eu-1-pooler', site));
    const answer = await client.query('select current_user as role, current_database() as database');
    expect(answer.rows).toEqual([{ role: 'site_aurora', database: 'ghost_site_aurora' }]);
    await client.end();
    await expect(connect('eu-1-pooler', { ...site, password: 'wrong' })).rejects.toThrow();
  }, 600_000);
});
