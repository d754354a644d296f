import { describe, expect, it } from 'vitest';
import { siteLabels } from '../../../components/labels.ts';
import { type ClusterObject, readCluster } from '../../../scripts/status/cluster.ts';
import { formatRows } from '../../../scripts/status/row.ts';

function objectsOf(slug: string, change: { args?: string[]; ready?: number; wanted?: number; pods?: object[] } = {}) {
  const { args = [], ready = 1, wanted = 1, pods = [{ restartCount: 0, ready: true, state: {} }] } = change;
  const metadata = (name: string, component?: string) => ({ name, labels: siteLabels(slug, component) });
  return [
    {
      kind: 'Deployment',
      metadata: metadata('ghost'),
      spec: {
        replicas: wanted,
        template: { spec: { containers: [{ image: 'registry.example.com/ghost-fleet/site:6.65.0', args }] } },
      },
      status: { readyReplicas: ready },
    },
    ...pods.map((status, at) => ({
      kind: 'Pod',
      metadata: metadata(`ghost-${at}`),
      status: { containerStatuses: [status] },
    })),
    {
      kind: 'ConfigMap',
      metadata: metadata('ghost-config'),
      data: {
        SITE_URL: `https://${slug}.example.com`,
        ...{ DATABASE_CLIENT: 'postgres', DATABASE_STRATEGY: 'database', DATABASE_NAME: `ghost_site_${slug}` },
        DATABASE_HOST: 'pooler',
      },
    },
    {
      kind: 'CronJob',
      metadata: metadata('backup', 'backup'),
      spec: { suspend: false },
      status: { lastSuccessfulTime: '2026-11-25T03:15:40Z' },
    },
    // A backup's pod restarts nothing of the site.
    {
      kind: 'Pod',
      metadata: metadata('backup-1', 'backup'),
      status: { containerStatuses: [{ restartCount: 7, ready: false, state: {} }] },
    },
  ] as unknown as ClusterObject[];
}

describe('the state of sites in a cluster', () => {
  it('is read off their Deployment, pods, settings and backups', () => {
    expect(readCluster([...objectsOf('slow'), ...objectsOf('aurora')])).toEqual(
      ['aurora', 'slow'].map((site) => ({
        site,
        state: 'ready',
        version: 'site:6.65.0',
        database: `postgres ghost_site_${site} on pooler`,
        replicas: '1/1',
        restarts: 0,
        lastBackup: '2026-11-25T03:15:40Z',
        url: `https://${site}.example.com`,
      })),
    );
  });

  it('says why nobody answers, and that somebody still does', () => {
    const crashing = { restartCount: 4, ready: false, state: { waiting: { reason: 'CrashLoopBackOff' } } };
    const [down] = readCluster(objectsOf('aurora', { ready: 0, pods: [crashing] }));
    expect([down?.state, down?.restarts, down?.replicas]).toEqual(['not ready (CrashLoopBackOff)', 4, '0/1']);
    const up = { restartCount: 0, ready: true, state: {} };
    expect(readCluster(objectsOf('aurora', { wanted: 2, pods: [up, crashing] }))[0]?.state).toBe(
      'ready in part (CrashLoopBackOff)',
    );
    const creating = { restartCount: 0, ready: false, state: { waiting: { reason: 'ContainerCreating' } } };
    expect(readCluster(objectsOf('aurora', { ready: 0, pods: [creating] }))[0]?.state).toBe('starting');
  });

  it('is paused where the maintenance page stands in for the site', () => {
    expect(readCluster(objectsOf('aurora', { args: ['maintenance'] }))[0]?.state).toBe('paused');
  });

  it('is shown in columns', () => {
    const lines = formatRows(readCluster(objectsOf('aurora'))).split('\n');
    expect(lines).toHaveLength(2);
    expect(lines[0]).toMatch(/^site {4}state {2}version {6}database/);
    expect(lines[1]?.indexOf('ready')).toBe(lines[0]?.indexOf('state'));
  });
});
