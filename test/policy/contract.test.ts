import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { secretsPath } from '../../components/binding.ts';
import { readBackupArguments } from '../../runtime/backup/arguments.ts';
import { readSiteConfig, type SiteConfig } from '../../runtime/site/config.ts';
import { podOf } from '../../stacks/policy/pods.ts';
import { type Plan, planStack } from './plan.ts';

const secrets = {
  clusterPasswords: { 'eu-1': 'correct-horse-eu', 'us-1': 'correct-horse-us' },
  mediaAccessKeyId: 'correct-horse-id',
  mediaSecretAccessKey: 'correct-horse-secret',
  mailPassword: 'correct-horse-mail',
};

/** Reads a site's configuration as its container would: ConfigMap as variables, Secrets as the files that are mounted. */
async function configOf(plan: Plan, slug: string): Promise<SiteConfig> {
  const own = plan.resources.filter(
    ({ inputs }) => (inputs.metadata as { namespace?: string } | undefined)?.namespace === `site-${slug}`,
  );
  const named = (kind: string, name: string) =>
    own.find(({ type, inputs }) => type.endsWith(`:${kind}`) && (inputs.metadata as { name: string }).name === name);
  const deployment = named('Deployment', 'ghost');
  const pod = deployment && podOf(deployment);
  const container = pod?.containers[0];
  const source = container?.envFrom?.[0] as { configMapRef: { name: string } } | undefined;
  const environment = named('ConfigMap', source?.configMapRef.name ?? '')?.inputs.data as Record<string, string>;

  const dir = await mkdtemp(path.join(tmpdir(), 'ghost-fleet-contract-'));
  try {
    const volume = pod?.volumes?.find(({ name }) => name === 'secrets') as
      | { projected: { sources: { secret: { name: string; items: { key: string; path: string }[] } }[] } }
      | undefined;
    for (const { secret } of volume?.projected.sources ?? []) {
      const data = named('Secret', secret.name)?.inputs.stringData as Record<string, string>;
      for (const { key, path: file } of secret.items) await writeFile(path.join(dir, file), data[key] ?? '');
    }
    const mounted = Object.entries(environment).map(([name, value]) => [name, value.replace(secretsPath, dir)]);
    return readSiteConfig(Object.fromEntries(mounted));
  } finally {
    await rm(dir, { recursive: true });
  }
}

describe('what a stack emits', () => {
  it('is read by the container on SQLite', async () => {
    const config = await configOf(await planStack('dev'), 'aurora-letters');
    expect(config).toMatchObject({
      slug: 'aurora-letters',
      multisite: true,
      url: 'http://aurora.example.com',
      title: 'Aurora Letters',
      theme: 'source',
      host: '0.0.0.0',
      port: 2368,
      probePort: 2369,
      contentPath: '/var/lib/ghost/content',
      database: { client: 'sqlite', filename: '/var/lib/ghost/content/data/aurora-letters-ghost.db' },
    });
  });

  it('is read by the container with a schema of a shared database', async () => {
    const plan = await planStack('staging', { secrets });
    expect(await configOf(plan, 'slow-kitchen')).toMatchObject({
      url: 'https://slowkitchen.example.org',
      database: {
        client: 'postgres',
        strategy: 'schema',
        endpoint: { host: 'pooler-us-1.ghost-fleet.svc.cluster.local', port: 6432 },
        direct: { host: 'postgres.us.staging.example.com', port: 5432 },
        ssl: 'off',
        directSsl: 'verify',
        database: 'ghost_sites',
        schema: 'site_slow_kitchen',
        user: 'site_slow_kitchen',
        password: 'hex-of-slow-kitchen-password-0123456789abcdef',
        poolMax: 8,
      },
      mail: { host: 'smtp.staging.example.com', password: 'correct-horse-mail' },
    });
  });

  it('is read by the container with a database of its own', async () => {
    const plan = await planStack('production', { secrets });
    expect(await configOf(plan, 'aurora-letters')).toMatchObject({
      database: {
        strategy: 'database',
        database: 'ghost_site_aurora_letters',
        schema: 'public',
        user: 'site_aurora_letters',
        directSsl: 'require',
      },
      mail: { from: 'Aurora <hello@aurora.example.com>', user: 'smtp' },
    });
  });

  it('asks for backups in words that the container knows', async () => {
    const plan = await planStack('dev');
    const job = plan.resources.find(
      ({ type, inputs }) =>
        type.endsWith(':CronJob') && (inputs.metadata as { namespace: string }).namespace === 'site-aurora-letters',
    );
    const args = (job && podOf(job)?.containers[0]?.args) ?? [];
    expect(readBackupArguments(args)).toEqual({ command: 'backup', target: 'volume', retentionDays: 30 });
  });
});
