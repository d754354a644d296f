import { describe, expect, it } from 'vitest';
import { deriveSecret } from '../../sites/derived-secret.ts';
import { rulesOf, stackRules } from '../../stacks/policy/rules.ts';
import { nothingLeaks } from './leaks.ts';
import { type PlanOptions, planStack } from './plan.ts';

const site = (slug: string, shard?: number) =>
  `slug: ${slug}\ncreator: mira@example.com\ntitle: ${slug}\nplan: starter\ndomains: [${slug}.example.org]\n${shard === undefined ? '' : `shard: ${shard}\n`}`;
const sites = { 'alpha.yaml': site('alpha'), 'beta.yaml': site('beta', 0), 'gamma.yaml': site('gamma', 1) };

const slugsOf = ({ outputs }: { outputs: Record<string, unknown> }) => Object.keys(outputs.sites as object);

describe('shards', () => {
  it('leave the sites without a shard to the stack of the platform', async () => {
    const plan = await planStack('production', { sites, config: { shards: 2 } });
    expect(slugsOf(plan)).toEqual(['alpha']);
  });

  it('hold their own sites and nothing of the platform, to which they refer', async () => {
    const platform = await planStack('production', { sites, config: { shards: 2 } });
    const options: PlanOptions = { sites, referenced: platform.outputs, shard: { number: 1, shards: 2 } };
    const shard = await planStack('production', options);
    expect(slugsOf(shard)).toEqual(['gamma']);
    const types = shard.resources.map(({ type }) => type);
    expect(types.filter((type) => /rds|replicationGroup|s3\/bucket:|Gateway$|StatefulSet/.test(type))).toEqual([
      'kubernetes:gateway.networking.k8s.io/v1:Gateway',
    ]);
    const database = shard.resources.find(({ type }) => type === 'fleet:index:SiteDatabase');
    expect(database?.inputs).toMatchObject({
      cluster: 'eu-1',
      owner: 'ghost-fleet/production',
      poolerRole: 'pgbouncer',
      admin: { host: 'ghost-fleet-eu-1.rds.example', user: 'fleet_admin', ssl: 'require' },
    });
    const rules = [...Object.values(rulesOf('production-01')), nothingLeaks];
    for (const rule of rules) expect(shard.resources.flatMap(rule)).toEqual([]);
    for (const rule of Object.values(stackRules)) expect(rule(shard.resources)).toEqual([]);
  });

  it('tell their sites of the platform what its stack says', async () => {
    const config = {
      shards: 2,
      images: { site: 'registry.example.com/site:1', platform: 'registry.example.com/platform:1' },
      platform: { enabled: true },
      mail: { host: 'smtp.example.com', from: 'fleet@example.com' },
    };
    const platform = await planStack('production', { sites, config });
    const options: PlanOptions = { sites, config, referenced: platform.outputs, shard: { number: 1, shards: 2 } };
    const shard = await planStack('production', options);
    const named = (plan: typeof shard, name: string) =>
      plan.resources.find((resource) => resource.name === name)?.inputs as Record<string, Record<string, string>>;
    const publicKey = named(platform, 'alpha-config').data?.PLATFORM_PUBLIC_KEY;
    expect(publicKey).toMatch(/^-----BEGIN PUBLIC KEY-----/);
    expect(named(shard, 'gamma-config').data?.PLATFORM_PUBLIC_KEY).toBe(publicKey);
    const key = 'hex-of-platform-analytics-key-0123456789abcdef';
    expect(named(shard, 'gamma-platform').stringData).toEqual({
      ANALYTICS_TOKEN: deriveSecret(key, 'analytics-token', 'gamma'),
    });
    expect(shard.resources.flatMap(nothingLeaks)).toEqual([]);
    expect(shard.resources.filter(({ type }) => type === 'fleet:index:Registration').length).toBe(1);
  });
});
