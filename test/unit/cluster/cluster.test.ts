import { readdirSync, readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { ClusterFolder } from '../../../scripts/cluster/cluster.ts';
import { isStatic } from '../../../scripts/cluster/oci-image.ts';
import { addressesOf, blockCount, blockOf } from '../../../scripts/cluster/process/addresses.ts';
import { temporaryDir } from '../../support/site-process.ts';

const addons = 'scripts/cluster/addons';

describe('addresses of clusters', () => {
  it('lie in blocks of their own', () => {
    const all = Array.from({ length: blockCount }, (_, block) => addressesOf(block));
    for (const [block, addresses] of all.entries()) {
      expect(Object.values(addresses).map(blockOf)).toEqual(Object.values(addresses).map(() => block));
    }
    expect(addressesOf(5)).toEqual({
      host: '198.19.64.1',
      node: '198.19.64.2',
      services: '198.19.80.0/20',
      dns: '198.19.80.10',
      pods: '198.19.96.0/19',
      bridge: '198.19.72.1/24',
      containers: '198.19.76.0/22',
    });
  });

  it('are told from those of others', () => {
    expect([blockOf('198.18.0.0/30'), blockOf('198.17.255.1'), blockOf('10.0.0.1'), blockOf('default')]).toEqual([
      0,
      undefined,
      undefined,
      undefined,
    ]);
  });
});

describe('manifests of a cluster', () => {
  it('are YAML that names each image by a value of its own', () => {
    const files = readdirSync(addons);
    expect(files.length).toBeGreaterThan(4);
    for (const file of files) {
      const text = readFileSync(path.join(addons, file), 'utf8');
      for (const document of parseAllDocuments(text.replaceAll(/\$\{[A-Z_]+\}/g, 'value'))) {
        expect(document.errors, file).toEqual([]);
        expect(document.get('kind'), file).toBeTypeOf('string');
      }
      expect(
        [...text.matchAll(/^\s*(?:- )?image: (.*)$/gm)].filter(([, it]) => !/^\$\{[A-Z_]+_IMAGE\}$/.test(it ?? '')),
      ).toEqual([]);
    }
  });
});

describe('the folder of a cluster', () => {
  let dir: string;
  let remove: () => Promise<void>;
  beforeEach(async () => {
    ({ dir, remove } = await temporaryDir());
  });
  afterEach(() => remove());

  it('keeps what lies on volumes when it is removed, and itself only for that', async () => {
    const folder = new ClusterFolder(path.join(dir, 'cluster'));
    await folder.create();
    await folder.remove();
    expect(readdirSync(dir)).toEqual([]);
    await folder.create();
    await mkdir(path.join(folder.volumes, 'site-a', 'content'), { recursive: true });
    await folder.remove();
    expect(readdirSync(folder.path)).toEqual(['volumes']);
    expect(readdirSync(folder.volumes)).toEqual(['site-a']);
  });

  it('gives each cluster of a machine a name of its own', () => {
    expect(new ClusterFolder('a').name).not.toBe(new ClusterFolder('b').name);
    expect(new ClusterFolder('a').name).toMatch(/^ghost-fleet-[0-9a-f]{6}$/);
  });
});

describe('a program for an image', () => {
  it('is static or not', async () => {
    expect(await isStatic(process.execPath)).toBe(false);
    expect(await isStatic('package.json')).toBe(false);
  });
});
