import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { readPublishedObjects } from '../../scripts/cluster/cloud-native-pg.ts';
import { eventually } from '../support/cluster/bed.ts';
import { useEngineBed } from '../support/engine/bed.ts';
import { copyFleetOnto } from '../support/engine/fleet-project.ts';
import { installGatewayApi } from '../support/engine/gateway-api.ts';
import type { PulumiProject } from '../support/engine/project.ts';

const bed = useEngineBed();
const clusters = '/apis/postgresql.cnpg.io/v1/namespaces/ghost-fleet/clusters';
const cluster = { name: 'eu-1', region: 'eu', kind: 'cloudnative-pg' };
const backup = { destinationPath: 's3://backups/eu' };
let fleet: PulumiProject;

/** Teaches the API server the operator's kinds, by its publisher's definitions. */
async function installDefinitions(): Promise<void> {
  const { api } = bed.kubernetes;
  const objects = await readPublishedObjects('.');
  for (const object of objects.filter(({ kind }) => kind === 'CustomResourceDefinition'))
    await api.send('POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', object);
  await eventually(() => api.send('GET', clusters), 30_000);
}

beforeAll(async () => {
  await installGatewayApi(bed.kubernetes.api);
  await installDefinitions();
  fleet = await copyFleetOnto(bed, 'fleet', { sites: [], settings: { clusters: [{ ...cluster, backup }] } });
  const keys = { 'eu-1': { accessKeyId: 'backups', secretAccessKey: 'correct horse' } };
  await fleet.run('config', 'set', '--secret', 'ghost-fleet:clusterBackupKeys', JSON.stringify(keys));
});
afterAll(async () => {
  await fleet?.destroyUnprotected();
});

interface ClusterSpec {
  readonly instances: number;
  readonly bootstrap?: object;
  readonly backup: { readonly barmanObjectStore: { readonly serverName: string } };
}

async function readSpec(): Promise<ClusterSpec> {
  return (await bed.kubernetes.api.send('GET', `${clusters}/eu-1`)).spec as ClusterSpec;
}

describe('a cluster of CloudNativePG that was lost', () => {
  it("is made from its backups by the README's steps", async () => {
    await fleet.up('--skip-preview');
    const made = await readSpec();
    expect([made.bootstrap, made.backup.barmanObjectStore.serverName]).toEqual([undefined, 'eu-1']);

    await bed.kubernetes.api.send('DELETE', `${clusters}/eu-1`);
    const refreshed = await fleet.run('refresh', '--yes', '--target', '**::eu-1-cluster');
    expect(refreshed.exitCode, refreshed.output).toBe(0);
    const file = path.join(fleet.dir, 'stacks', `Pulumi.${fleet.stack}.yaml`);
    const settings = parse(await readFile(file, 'utf8')) as { config: Record<string, unknown> };
    const recovery = { serverName: 'eu-1', targetTime: '2026-11-26T10:30:00Z' };
    settings.config['ghost-fleet:clusters'] = [{ ...cluster, backup: { ...backup, serverName: 'eu-1-b' }, recovery }];
    await writeFile(file, stringify(settings, { defaultStringType: 'QUOTE_SINGLE' }));
    const { output } = await fleet.up('--skip-preview');
    expect(output).toMatch(/\+ 1 created/);
    const again = await readSpec();
    expect([again.bootstrap, again.backup.barmanObjectStore.serverName]).toEqual([
      { recovery: { source: 'eu-1', recoveryTarget: { targetTime: '2026-11-26T10:30:00Z' } } },
      'eu-1-b',
    ]);
    expect(await fleet.readState()).not.toContain('correct horse');
  });
});
