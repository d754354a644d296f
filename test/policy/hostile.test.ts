import { describe, expect, it } from 'vitest';
import { planStack } from './plan.ts';

const site = (slug: string, lines = '') =>
  `slug: ${slug}\ncreator: mira@example.com\ntitle: ${slug}\nplan: studio\n${lines || `domains: [${slug}.example.org]`}\n`;

/** Everything that the program says, with the temporary folder of the registry taken out. */
async function refusal(sites: Record<string, string>, stack = 'dev', config = {}): Promise<string[]> {
  const error = await planStack(stack, { sites, config }).then(
    () => new Error('nothing was refused'),
    (reason: Error) => reason,
  );
  return error.message.replaceAll(/\S*\/ghost-fleet-policy-[^/]+\//g, '').split('\n');
}

describe('a hostile registry', () => {
  it('is refused with two sites at one host, whatever its case', async () => {
    const sites = {
      'aurora.yaml': site('aurora', 'domains: [Letters.Example.org]'),
      'borealis.yaml': site('borealis', 'domains: [borealis.example.org, letters.example.ORG.]'),
    };
    expect(await refusal(sites)).toEqual([
      'sites/borealis.yaml:5 domains[1]: expected a domain that sites/aurora.yaml does not have; got "letters.example.org"',
    ]);
  });

  it('is refused with a slug that would meet another once it is normalised', async () => {
    const sites = { 'aurora-letters.yaml': site('aurora-letters'), 'aurora_letters.yaml': site('aurora_letters') };
    expect(await refusal(sites)).toContain(
      'sites/aurora_letters.yaml:1 slug: expected lower-case letters and digits in words joined by single hyphens, a letter first; got "aurora_letters"',
    );
  });

  it('is refused with a plan that does not exist', async () => {
    const text = site('aurora').replace('studio', 'unlimited');
    expect(await refusal({ 'aurora.yaml': text })).toEqual([
      'sites/aurora.yaml:4 plan: expected one of starter, studio, publisher; got "unlimited"',
    ]);
  });

  it('is refused with a name of 70 characters', async () => {
    const slug = `a${'b'.repeat(69)}`;
    expect(await refusal({ [`${slug}.yaml`]: site(slug) })).toContain(
      `sites/${slug}.yaml:1 slug: expected 3 to 40 characters; got "${slug}"`,
    );
  });

  it('is told every problem at once', async () => {
    const sites = { 'aurora.yaml': site('aurora').replace('studio', 'gold'), 'borealis.yaml': 'slug: borealis\n' };
    expect((await refusal(sites)).length).toBeGreaterThan(4);
  });

  it('is refused where the stack cannot hold a site: strategy, version, replicas, shard', async () => {
    const sites = {
      'alpha.yaml': site('alpha', 'domains: [a.example.org]\ndatabase: { strategy: database }'),
      'beta.yaml': site('beta', 'domains: [b.example.org]\nghost: { version: 6.1.0 }'),
      'gamma.yaml': site('gamma', 'domains: [c.example.org]\nscaling: { min: 1, max: 3 }'),
    };
    expect(await refusal(sites)).toEqual([
      'sites/alpha.yaml:1 database.strategy: expected sqlite in the stack dev, which has no clusters; got database',
      'sites/beta.yaml:1 ghost.version: expected none in the stack dev, whose images.site is one image; got 6.1.0',
      'sites/gamma.yaml:1 scaling.max: expected 1 in the stack dev, where only one process can write a SQLite file; got 3',
    ]);
    const stray = { 'delta.yaml': site('delta', 'domains: [d.example.org]\nshard: 7') };
    expect(await refusal(stray, 'dev', { shards: 2 })).toEqual([
      'sites/delta.yaml:1 shard: expected a number below 2; got 7',
    ]);
  });

  it('is refused where more sites want an index than the instances of Meilisearch can keep open', async () => {
    const sites = Object.fromEntries(['aaa', 'bbb', 'ccc'].map((slug) => [`${slug}.yaml`, site(slug)]));
    expect(await refusal(sites, 'dev', { search: { instances: 1, sitesPerInstance: 2 } })).toEqual([
      'Pulumi.dev.yaml:1 search.instances: expected at least 2 for 3 sites with search; got 1',
    ]);
  });
});

describe('a site that leaves the registry', () => {
  it('takes its pods, routes and secrets with it and leaves what holds its data', async () => {
    const sites = { 'aurora.yaml': site('aurora'), 'borealis.yaml': site('borealis') };
    const before = await planStack('dev', { sites });
    const after = await planStack('dev', { sites: { 'borealis.yaml': sites['borealis.yaml'] } });
    const names = new Set(after.resources.map(({ type, name }) => `${type} ${name}`));
    const gone = before.resources.filter(({ type, name }) => !names.has(`${type} ${name}`));
    expect(gone.every(({ name }) => name.startsWith('aurora'))).toBe(true);
    const kept = gone.filter(({ retainOnDelete }) => retainOnDelete).map(({ type }) => type);
    expect(kept.sort()).toEqual(['kubernetes:core/v1:Namespace', 'kubernetes:core/v1:PersistentVolumeClaim']);
  });
});

describe('settings', () => {
  it('are refused all at once, each with file, path, what was expected and what stood there', async () => {
    const config = { region: 7, redis: { kind: 'memcached' }, search: { instances: 0 }, colour: 'blue' };
    expect(await refusal({ 'aurora.yaml': site('aurora') }, 'dev', config)).toEqual([
      'stacks/Pulumi.dev.yaml config.ghost-fleet:region: expected a name such as eu-1; got 7',
      'stacks/Pulumi.dev.yaml config.ghost-fleet:redis.kind: expected one of in-cluster, external, elasticache; got "memcached"',
      'stacks/Pulumi.dev.yaml config.ghost-fleet:search.instances: expected a whole number from 1 to 500; got 0',
      'stacks/Pulumi.dev.yaml config.ghost-fleet:colour: expected no such key; got "blue"',
    ]);
  });

  it('say which secrets are missing, all of them', async () => {
    const set = 'set with pulumi config set --secret; got nothing';
    const of = 'stacks/Pulumi.staging.yaml config.ghost-fleet:';
    expect(await refusal({ 'aurora.yaml': site('aurora') }, 'staging')).toEqual([
      `${of}clusterPasswords.eu-1: expected the password of adminUser by external cluster, ${set}`,
      `${of}clusterPasswords.us-1: expected the password of adminUser by external cluster, ${set}`,
      `${of}mediaAccessKeyId: expected the access key of media.kind s3-compatible, ${set}`,
      `${of}mediaSecretAccessKey: expected the secret key of media.kind s3-compatible, ${set}`,
    ]);
  });

  it('say where a cluster is to be made from backups that it would write over, or from none', async () => {
    const cluster = { region: 'eu', kind: 'cloudnative-pg', recovery: { serverName: 'eu-1', targetTime: 'yesterday' } };
    const backup = { destinationPath: 'backups/eu' };
    const at = { ...cluster, recovery: { serverName: 'eu-1' } };
    const of = 'stacks/Pulumi.dev.yaml config.ghost-fleet:clusters';
    const sites = { 'aurora.yaml': site('aurora') };
    expect(await refusal(sites, 'dev', { clusters: [{ ...cluster, name: 'eu-2', backup }] })).toEqual([
      `${of}.0.backup.destinationPath: expected a path such as s3://bucket/prefix; got "backups/eu"`,
      `${of}.0.recovery.targetTime: expected a time in quotes, '2026-11-26T10:30:00Z'; got "yesterday"`,
    ]);
    const clusters = [
      { ...at, name: 'eu-1', backup: { destinationPath: 's3://backups/eu' } },
      { ...at, name: 'eu-2' },
    ];
    expect(await refusal(sites, 'dev', { clusters })).toEqual([
      `${of}.0.backup.serverName: expected another than that of the recovery, eu-1, which is not written over; got nothing`,
      `${of}.1.backup: expected a mapping, since a recovery reads from there; got nothing`,
    ]);
  });

  it('say which keys of a bucket for backups are missing', async () => {
    const backup = { destinationPath: 's3://backups/eu' };
    const clusters = [{ name: 'eu-1', region: 'eu', kind: 'cloudnative-pg', backup }];
    expect(await refusal({ 'aurora.yaml': site('aurora') }, 'dev', { clusters })).toEqual([
      'stacks/Pulumi.dev.yaml config.ghost-fleet:clusterBackupKeys.eu-1: expected a mapping with accessKeyId and secretAccessKey by cluster with backup, set with pulumi config set --secret; got nothing',
    ]);
  });

  it('say that sites at the base domain would have no certificate', async () => {
    expect(await refusal({ 'aurora.yaml': site('aurora') }, 'dev', { ingress: { issuer: 'letsencrypt' } })).toEqual([
      'stacks/Pulumi.dev.yaml config.ghost-fleet:ingress.wildcardIssuer: expected a ClusterIssuer that can prove *.sites.fleet.localhost, since ingress.issuer has sites answer by HTTPS; got nothing',
    ]);
  });
});
