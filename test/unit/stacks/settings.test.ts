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
