import { $ } from 'zx';
import type { ClusterDriver, ClusterFolder, DriverName } from './cluster.ts';
import { KindCluster } from './kind/driver.ts';
import { ProcessCluster } from './process/driver.ts';
import { hasRegistry } from './registry.ts';

/**
 * The driver that a folder's cluster was made with, else the wanted one, else kind where Docker and a registry of images
 * can be reached, and processes of this machine where not.
 */
export async function chooseDriver(
  folder: ClusterFolder,
  root: string,
  wanted: DriverName | undefined,
  report: (line: string) => void,
): Promise<ClusterDriver> {
  const recorded = (await folder.readRecord())?.driver;
  const name = recorded ?? wanted ?? ((await hasDocker()) && (await hasRegistry()) ? 'kind' : 'process');
  return name === 'kind' ? new KindCluster(folder, root, report) : new ProcessCluster(folder, root, report);
}

async function hasDocker(): Promise<boolean> {
  return (await $({ nothrow: true, quiet: true, timeout: '10s' })`docker info`).exitCode === 0;
}
