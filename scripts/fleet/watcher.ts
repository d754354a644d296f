import { watch } from 'chokidar';
import type { Registry } from '../../sites/registry.ts';

/** Editors write a file in several steps; a registry is read once they have rested. */
const restMs = 300;

/**
 * Calls `onRegistry` with the registry after each change of a YAML in `dir`, one call at a time.
 *
 * @returns ends the watch
 */
export async function watchRegistry(
  dir: string,
  load: () => Promise<Registry>,
  onRegistry: (registry: Registry) => Promise<void>,
): Promise<() => Promise<void>> {
  let timer: NodeJS.Timeout | undefined;
  let reading = Promise.resolve();
  const read = async () => {
    try {
      await onRegistry(await load());
    } catch (error) {
      console.error(`${dir}: the registry could not be read: ${(error as Error).message}`);
    }
  };
  const watcher = watch(dir, { ignoreInitial: true, depth: 0 });
  watcher.on('all', (_event, file) => {
    if (!/\.ya?ml$/.test(file)) return;
    clearTimeout(timer);
    timer = setTimeout(() => {
      reading = reading.then(read);
    }, restMs);
  });
  await new Promise<void>((resolve) => watcher.once('ready', resolve));
  return async () => {
    clearTimeout(timer);
    await watcher.close();
    await reading;
  };
}
