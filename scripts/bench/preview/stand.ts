import path from 'node:path';
import { shardStackName } from '../../../stacks/settings.ts';
import { engineEnvironment } from '../../engine/environment.ts';
import { type ApiServer, startApiServer } from '../../services/kubernetes-api-server.ts';
import { type PostgresServer, startPostgres } from '../../services/postgres.ts';
import { installTools } from '../../tools/install.ts';
import { type Checkout, createCheckout, platformStack, pulumi, writeSettings } from './checkout.ts';
import type { BenchSite } from './registry.ts';

const root = path.resolve(import.meta.dirname, '..', '..', '..');

/** A deployed platform with deployed shards, on a PostgreSQL server and a Kubernetes API of this machine. */
export interface Stand {
  /** Where the shards were deployed from. */
  readonly checkout: Checkout;
  stop(): Promise<void>;
}

/** Kinds that the stacks use and Kubernetes does not bring, by group and version; what they hold is not looked at here. */
const customKinds = {
  'gateway.networking.k8s.io/v1': ['Gateway', 'HTTPRoute'],
  'monitoring.coreos.com/v1': ['PodMonitor', 'PrometheusRule'],
};

/**
 * Starts the servers in `dir`, then deploys the platform and the shards of these sites by `pulumi up`.
 */
export async function createStand(dir: string, sites: readonly BenchSite[]): Promise<Stand> {
  const tools = await installTools({ root, sets: ['engine', 'api-server'] });
  const { PATH, HOME } = process.env;
  const { variables } = await engineEnvironment(path.join(dir, 'engine'), tools, { PATH, HOME });
  let postgres: PostgresServer | undefined;
  let kubernetes: ApiServer | undefined;
  const stop = async () => {
    await kubernetes?.stop();
    await postgres?.stop();
  };
  try {
    postgres = await startPostgres({ dataDir: path.join(dir, 'postgres') });
    kubernetes = await startApiServer(path.join(dir, 'kubernetes'), tools.bin);
    await defineKinds(kubernetes);
    const environment = { ...variables, KUBECONFIG: kubernetes.kubeconfig };
    const checkout = await createCheckout(path.join(dir, 'deployed'), sites, environment);
    await deploy(checkout, sites, postgres);
    return { checkout, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function deploy(checkout: Checkout, sites: readonly BenchSite[], { port, password }: PostgresServer) {
  const shards = [...new Set(sites.map(({ shard }) => shard))].sort((a, b) => a - b);
  const server = { kind: 'external', host: '127.0.0.1', port, ssl: 'off', cidrs: ['10.0.0.0/8'] };
  await writeSettings(checkout, platformStack, {
    databaseStrategy: 'database',
    baseDomain: 'sites.example.com',
    region: 'eu',
    shards: shards.length,
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
  // Nothing here outlives the bench, so that the state need not be written after every step.
  const more = { PULUMI_EXPERIMENTAL: 'true', PULUMI_SKIP_CHECKPOINTS: 'true' };
  await pulumi(checkout, ['stack', 'init', platformStack]);
  const secrets = {
    clusterPasswords: JSON.stringify({ 'eu-1': password }),
    mediaAccessKeyId: 'an-access-key-of-nothing',
    mediaSecretAccessKey: 'a-secret-key-of-nothing',
  };
  for (const [key, input] of Object.entries(secrets)) {
    await pulumi(checkout, ['config', 'set', '--stack', platformStack, '--secret', key], { input });
  }
  await pulumi(checkout, ['up', '--yes', '--skip-preview', '--stack', platformStack], { more });
  for (const shard of shards) {
    const stack = shardStackName(platformStack, shard);
    await writeSettings(checkout, stack, { platformStack, shard });
    await pulumi(checkout, ['stack', 'init', stack]);
    await pulumi(checkout, ['up', '--yes', '--skip-preview', '--stack', stack], { more });
  }
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
      return await kubernetes.send('GET', location);
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}
