import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it } from 'vitest';
import { readStackSettings } from '../../../stacks/settings.ts';

it("reads a stack's numbers where Pulumi has rewritten the file and made text of them", async () => {
  const dir = await mkdtemp(path.join(tmpdir(), 'ghost-fleet-settings-'));
  const settings = [
    'databaseStrategy: sqlite',
    'baseDomain: sites.example.com',
    'region: eu',
    'images: { site: ghost }',
  ];
  const write = (stack: string, lines: readonly string[]) =>
    writeFile(
      path.join(dir, `Pulumi.${stack}.yaml`),
      `config:\n${lines.map((line) => `  ghost-fleet:${line}\n`).join('')}`,
    );
  try {
    await write('fleet', [...settings, 'shards: "2"']);
    await write('fleet-01', ['platformStack: fleet', 'shard: "1"']);
    expect(await readStackSettings(dir, 'fleet')).toMatchObject({ shards: 2, shard: undefined });
    expect(await readStackSettings(dir, 'fleet-01')).toMatchObject({ shards: 2, shard: 1, platformStack: 'fleet' });
  } finally {
    await rm(dir, { recursive: true });
  }
});

it('refuses backups onto the volume of sites that have none', async () => {
  const dir = await mkdtemp(path.join(tmpdir(), 'ghost-fleet-settings-'));
  const write = (media: string, target: string) =>
    writeFile(
      path.join(dir, 'Pulumi.fleet.yaml'),
      `config:
  ghost-fleet:databaseStrategy: database
  ghost-fleet:baseDomain: sites.example.com
  ghost-fleet:region: eu
  ghost-fleet:images: { site: ghost }
  ghost-fleet:media: ${media}
  ghost-fleet:backups: { enabled: true, target: "${target}" }
`,
    );
  const bucket =
    '{ kind: s3-compatible, endpoint: "https://s3.example.com", bucket: media, publicUrl: "https://cdn.example.com", cidrs: [10.0.0.0/8], sharedCredentials: true }';
  try {
    await write(bucket, 'volume');
    await expect(readStackSettings(dir, 'fleet')).rejects.toThrow(
      'config.ghost-fleet:backups.target: expected a place such as s3://bucket/prefix, since these sites have no volume; got "volume"',
    );
    await write(bucket, 'ftp://somewhere');
    await expect(readStackSettings(dir, 'fleet')).rejects.toThrow(
      'expected volume, or a place such as s3://bucket/prefix',
    );
    await write(bucket, 's3://backups/fleet');
    expect((await readStackSettings(dir, 'fleet')).backups.target).toBe('s3://backups/fleet');
    await write('{ kind: volume }', 'volume');
    expect((await readStackSettings(dir, 'fleet')).backups.enabled).toBe(true);
  } finally {
    await rm(dir, { recursive: true });
  }
});
