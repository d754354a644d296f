import path from 'node:path';
import { shardStackName } from '../../../stacks/settings.ts';
import { engineEnvironment } from '../../engine/environment.ts';
import { type ApiServer, startApiServer } from '../../services/kubernetes-api-server.ts';
import { startFakeNodes } from '../../services/kubernetes-fake-nodes.ts';
import { type PostgresServer, startPostgres } from '../../services/postgres.ts';
import { installTools } from '../../tools/install.ts';
import { type Checkout, createCheckout, platformStack, pulumi, writeSettings } from './checkout.ts';
import type { BenchSite } from './registry.ts';

const root = path.resolve(import.meta.dirname, '..', '..', '..');

/** A deployed platform and its shards, on a PostgreSQL server and a Kubernetes API of this machine. */
export interface Stand {
  /** Where the shards are deployed from. */
  readonly checkout: Checkout;
  readonly shards: readonly number[];
  readonly kubernetes: ApiServer;
  /** Ids of the processes of Kubernetes by their programs. */
  readonly pids: ReadonlyMap<string, number>;
  stop(): Promise<void>;
}

/** Kinds that the stacks use and Kubernetes does not bring, by group and version; what they hold is not looked at here. */
const customKinds = {
  'gateway.networking.k8s.io/v1': ['Gateway', 'HTTPRoute'],
  'monitoring.coreos.com/v1': ['PodMonitor', 'PrometheusRule'],
};

/** What a stand has beyond the servers that every engine works on. */
export interface StandOptions {
  /** @default so few that nothing comes of a Deployment */
  readonly controllers?: readonly string[];
  readonly nodes?: number;
}

/**
 * Starts the servers in `dir`, then deploys the platform of these sites by `pulumi up`. Their shards have no stacks yet.
 */
export async function createStand(
  dir: string,
  sites: readonly BenchSite[],
  { controllers, nodes = 0 }: StandOptions = {},
): Promise<Stand> {
  const sets = ['engine', 'api-server', ...(nodes > 0 ? (['fake-nodes'] as const) : [])] as const;
  const tools = await installTools({ root, sets });
  const { PATH, HOME } = process.env;
  const { variables } = await engineEnvironment(path.join(dir, 'engine'), tools, { PATH, HOME });
  const started: { readonly stop: () => Promise<void> }[] = [];
  const stop = async () => {
    for (const server of started.toReversed()) await server.stop();
  };
  const keep = <Server extends { readonly stop: () => Promise<void> }>(server: Server): Server => {
    started.push(server);
    return server;
  };
  try {
    const postgres = keep(await startPostgres({ dataDir: path.join(dir, 'postgres') }));
    const folder = path.join(dir, 'kubernetes');
    const kubernetes = keep(await startApiServer(folder, tools.bin, controllers));
    await defineKinds(kubernetes);
    const fake = nodes > 0 ? keep(await startFakeNodes(folder, tools.bin, kubernetes, nodes)) : undefined;
    const environment = { ...variables, KUBECONFIG: kubernetes.kubeconfig };
    const checkout = await createCheckout(path.join(dir, 'deployed'), sites, environment);
    const shards = [...new Set(sites.map(({ shard }) => shard))].sort((a, b) => a - b);
    await deployPlatform(checkout, shards.length, postgres);
    return { checkout, shards, kubernetes, pids: new Map([...kubernetes.pids, ...(fake?.pids ?? [])]), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Deploys every shard of a stand by `pulumi up`. */
export async function deployShards({ checkout, shards }: Stand): Promise<void> {
  for (const shard of shards) {
    const stack = await createShard(checkout, shard);
    await pulumi(checkout, ['up', '--yes', '--skip-preview', '--stack', stack], quick);
  }
}

/** Nothing here outlives the bench, so that the state need not be written after every step. */
const quick = { more: { PULUMI_EXPERIMENTAL: 'true', PULUMI_SKIP_CHECKPOINTS: 'true' } };

async function deployPlatform(checkout: Checkout, shards: number, { port, password }: PostgresServer) {
  const server = { kind: 'external', host: '127.0.0.1', port, ssl: 'off', cidrs: ['10.0.0.0/8'] };
  await writeSettings(checkout, platformStack, {
    databaseStrategy: 'database',
    baseDomain: 'sites.example.com',
    region: 'eu',
    shards,
    clusters: [{ ...server, name: 'eu-1', region: 'eu' }],
    images: { site: 'ghost-fleet/site:dev' },
    // No volumes, which only grow: one plan is to follow the other.
    media: {
      kind: 's3-compatible',
      endpoint: 'https://s3.example.com',
      bucket: 'bench',
      publicUrl: 'https://media.example.com',
      cidrs: ['10.0.0.0/8'],
      sharedCredentials: true,
    },
    monitoring: {},
  });
  await pulumi(checkout, ['stack', 'init', platformStack]);
  const secrets = {
    clusterPasswords: JSON.stringify({ 'eu-1': password }),
    mediaAccessKeyId: 'an-access-key-of-nothing',
    mediaSecretAccessKey: 'a-secret-key-of-nothing',
  };
  for (const [key, input] of Object.entries(secrets)) {
    await pulumi(checkout, ['config', 'set', '--stack', platformStack, '--secret', key], { input });
  }
  await pulumi(checkout, ['up', '--yes', '--skip-preview', '--stack', platformStack], quick);
}

/** Makes the stack of a shard, without any resources. @returns its name */
export async function createShard(checkout: Checkout, shard: number): Promise<string> {
  const stack = shardStackName(platformStack, shard);
  await writeSettings(checkout, stack, { platformStack, shard });
  await pulumi(checkout, ['stack', 'init', stack]);
  return stack;
}

async function defineKinds(kubernetes: ApiServer): Promise<void> {
  const schema = { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } };
  for (const [groupVersion, kinds] of Object.entries(customKinds)) {
    const [group, version] = groupVersion.split('/');
    for (const kind of kinds) {
      const singular = kind.toLowerCase();
      const plural = `${singular}s`;
      await kubernetes.send('POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', {
        apiVersion: 'apiextensions.k8s.io/v1',
        kind: 'CustomResourceDefinition',
        // The server refuses Kubernetes' own groups to whoever cannot say where they were approved.
        metadata: { name: `${plural}.${group}`, annotations: { 'api-approved.kubernetes.io': 'unapproved, a bench' } },
        spec: {
          group,
          scope: 'Namespaced',
          names: { kind, plural, singular, listKind: `${kind}List` },
          versions: [{ name: version, served: true, storage: true, schema }],
        },
      });
    }
    await untilServed(kubernetes, `/apis/${groupVersion}`);
  }
}

async function untilServed(kubernetes: ApiServer, location: string): Promise<void> {
  for (const deadline = Date.now() + 30_000; ; ) {
    try {
      await kubernetes.send('GET', location);
      return;
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}
