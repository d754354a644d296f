import path from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { ClusterFolder, type ClusterRecord, type DriverName } from '../../../scripts/cluster/cluster.ts';
import { Kubectl } from '../../../scripts/cluster/kubectl.ts';
import { type CommandResult, runScript } from '../run-script.ts';
import { temporaryDir } from '../site-process.ts';

/** Where the tests' clusters run: `CLUSTER_DRIVER=kind` takes containers of Docker instead of processes. */
export const clusterDriver: DriverName = process.env.CLUSTER_DRIVER === 'kind' ? 'kind' : 'process';

/** A cluster for the tests of one file. */
export interface ClusterBed {
  folder: ClusterFolder;
  record: ClusterRecord;
  kubectl: Kubectl;
}

/** `npm run cluster -- <argument> ...` for the cluster of a folder. */
export function clusterCommand(folder: ClusterFolder, ...args: readonly string[]): Promise<CommandResult> {
  return runScript('scripts/cluster.ts', [...args, '--dir', folder.path, '--driver', clusterDriver]);
}

/** kubectl for the cluster of a folder. */
export function kubectlOf(folder: ClusterFolder): Kubectl {
  return new Kubectl(path.resolve('.tools/bin/kubectl'), folder.kubeconfig);
}

/** Brings a cluster up before the tests of the calling file, and down with all its data afterwards. */
export function useClusterBed(): ClusterBed {
  const bed = {} as ClusterBed;
  let remove: (() => Promise<void>) | undefined;
  beforeAll(async () => {
    const files = await temporaryDir();
    bed.folder = new ClusterFolder(path.join(files.dir, 'cluster'));
    remove = async () => {
      const down = await clusterCommand(bed.folder, 'down', '--volumes', '--yes');
      // What may still be mounted is not removed blindly.
      if (down.exitCode !== 0) throw new Error(`the cluster did not come down:\n${down.stderr}`);
      await files.remove();
    };
    const up = await clusterCommand(bed.folder, 'up');
    if (up.exitCode !== 0) throw new Error(`the cluster did not come up:\n${up.stderr}`);
    bed.record = (await bed.folder.readRecord()) as ClusterRecord;
    bed.kubectl = kubectlOf(bed.folder);
  }, 600_000);
  afterAll(() => remove?.());
  return bed;
}

/**
 * Asks again until an answer comes without an error.
 *
 * @throws the last error after `timeoutMs`
 */
export async function eventually<T>(ask: () => Promise<T>, timeoutMs = 60_000): Promise<T> {
  for (const deadline = Date.now() + timeoutMs; ; ) {
    try {
      return await ask();
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
  }
}
