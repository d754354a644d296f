import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import { useEngineBed } from '../support/engine/bed.ts';
import { PulumiProject } from '../support/engine/project.ts';

const bed = useEngineBed();

const program = `
import * as kubernetes from '@pulumi/kubernetes';
import * as pulumi from '@pulumi/pulumi';

const kubeconfig = new pulumi.Config().require('kubeconfig');
const provider = new kubernetes.Provider('cluster', { kubeconfig, upsertExistingObjects: true });
const containers = [{ name: 'trial', image: 'trial:1' }];
const annotations = { 'pulumi.com/replaceUnready': 'true' };
const job = new kubernetes.batch.v1.Job('trial', {
  metadata: { name: 'trial', namespace: 'default', annotations },
  spec: { backoffLimit: 0, template: { spec: { restartPolicy: 'Never', containers } } },
}, { provider });
const metadata = { name: 'after', namespace: 'default' };
new kubernetes.core.v1.ConfigMap('after', { metadata, data: {} }, { provider, dependsOn: [job] });
`;

const jobs = '/apis/batch/v1/namespaces/default/jobs/trial';
const find = (location: string) => bed.kubernetes.api.send('GET', location).catch((error: Error) => error.message);

/** Says of the Job, in the place of its controller and a kubelet, how it ended. */
async function endJob(uidBefore: string | undefined, how: 'Complete' | 'Failed'): Promise<string> {
  for (const deadline = Date.now() + 60_000; Date.now() < deadline; await sleep(100)) {
    const job = await find(jobs);
    const uid = typeof job === 'string' ? undefined : (job.metadata as { uid: string }).uid;
    if (uid === undefined || uid === uidBefore) continue;
    const now = new Date().toISOString().replace(/\.\d+Z$/, 'Z');
    const condition = (type: string, message: string) => ({
      type,
      status: 'True',
      reason: 'Test',
      message,
      lastTransitionTime: now,
      lastProbeTime: now,
    });
    const status =
      how === 'Failed'
        ? {
            startTime: now,
            failed: 1,
            conditions: [condition('FailureTarget', ''), condition(how, 'the trial ended with 70')],
          }
        : {
            startTime: now,
            completionTime: now,
            succeeded: 1,
            conditions: [condition('SuccessCriteriaMet', ''), condition(how, '')],
          };
    await bed.kubernetes.api.send('PATCH', `${jobs}/status`, { status }, 'application/merge-patch+json');
    return uid;
  }
  throw new Error('expected a new Job within 60 s; there is none');
}

describe('the stand-in for the kubernetes provider, where the cluster has a node', () => {
  beforeAll(async () => {
    await bed.kubernetes.api.send('POST', '/api/v1/nodes', {
      apiVersion: 'v1',
      kind: 'Node',
      metadata: { name: 'node' },
    });
  });

  it('waits for a Job, fails the update with its reason, makes it anew in the next, and goes on when it is done', async () => {
    const config = { kubeconfig: bed.kubernetes.kubeconfig };
    const project = await PulumiProject.create(path.join(bed.dir, 'readiness'), bed.environment, program, config);
    try {
      const failing = project.run('up', '--yes');
      const first = await endJob(undefined, 'Failed');
      const failed = await failing;
      expect(failed.exitCode).not.toBe(0);
      expect(failed.output).toContain('Job default/trial: failed: the trial ended with 70');
      expect(await find('/api/v1/namespaces/default/configmaps/after')).toMatch(/not found/);

      const healing = project.run('up', '--yes');
      await endJob(first, 'Complete');
      const healed = await healing;
      expect(healed.exitCode, healed.output).toBe(0);
      expect(await find('/api/v1/namespaces/default/configmaps/after')).toMatchObject({ kind: 'ConfigMap' });
      await project.up('--expect-no-changes');
    } finally {
      await project.destroy();
    }
    expect(await find(jobs)).toMatch(/not found/);
  });
});
