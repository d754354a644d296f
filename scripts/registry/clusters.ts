import type { ClusterRegion } from '../../sites/registry.ts';
import { listStacks, type Platforms, readStackSettings, type StackSettings } from '../../stacks/settings.ts';

/** Folder of the stacks' settings, relative to the repository's top level, from which the scripts run. */
const stacksDir = 'stacks';

/**
 * Settings of one stack, or of all of them.
 *
 * @throws StackSettingsError when there is no such stack or its file does not fit
 */
export async function readStacks(stack: string | undefined): Promise<StackSettings[]> {
  const names = stack === undefined ? await listStacks(stacksDir) : [stack];
  const platforms: Platforms = new Map();
  return Promise.all(names.map((name) => readStackSettings(stacksDir, name, platforms)));
}

/** The clusters of some stacks, each once. */
export function clustersOf(stacks: readonly StackSettings[]): ClusterRegion[] {
  const byKey = new Map(
    stacks.flatMap((stack) => stack.clusters).map((cluster) => [`${cluster.name} ${cluster.region}`, cluster]),
  );
  return [...byKey.values()];
}
