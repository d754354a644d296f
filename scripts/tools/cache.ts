import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isProcessAlive } from '../process-alive.ts';

/** Folder of what was built or fetched, shared by all checkouts of this machine. */
export function cacheDir(): string {
  return path.resolve(process.env.GHOST_FLEET_CACHE || path.join(homedir(), '.cache', 'ghost-fleet'));
}

/** Twelve digits that change with any of the values, or with any file of any of the Go modules. */
export async function hashPins(values: unknown, modules: readonly string[]): Promise<string> {
  const hash = createHash('sha256').update(JSON.stringify(values));
  for (const module of modules) {
    const files = (await readdir(module, { recursive: true })).filter((file) => /(\.go|go\.mod|go\.sum)$/.test(file));
    for (const file of files.sort()) hash.update(file).update(await readFile(path.join(module, file)));
  }
  return hash.digest('hex').slice(0, 12);
}

/**
 * Makes a cache entry unless it is there: `fill` writes into a folder that becomes the entry in one step, so that an
 * entry is whole or absent however a run ends. Two runs at once make it once: the second waits.
 *
 * @param fill answers false where it has nothing to put in
 * @returns whether the entry is there
 */
export async function fillEntry(entry: string, fill: (dir: string) => Promise<boolean>): Promise<boolean> {
  if (existsSync(entry)) return true;
  await mkdir(path.dirname(entry), { recursive: true });
  await removeLeftovers(path.dirname(entry));
  const release = await lock(`${entry}.lock`);
  // The name ends in the process id: that is how a later run knows whose it was.
  const partial = path.join(path.dirname(entry), `.partial-${path.basename(entry)}-${process.pid}`);
  try {
    if (existsSync(entry)) return true;
    await mkdir(partial, { recursive: true });
    if (!(await fill(partial))) return false;
    await rename(partial, entry).catch((error: unknown) => {
      // Two runs that take over the lock of a dead one at the same moment may both get here: the first one's stands.
      if (!existsSync(entry)) throw error;
    });
    return true;
  } finally {
    await rm(partial, { recursive: true, force: true });
    await release();
  }
}

/** Takes a lock file, or waits for its owner; a lock whose owner is gone is taken over. */
async function lock(file: string): Promise<() => Promise<void>> {
  for (;;) {
    try {
      await writeFile(file, String(process.pid), { flag: 'wx' });
      return () => rm(file, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const owner = Number(await readFile(file, 'utf8').catch(() => '0'));
    if (isProcessAlive(owner)) await sleep(500);
    else await rm(file, { force: true });
  }
}

async function removeLeftovers(dir: string): Promise<void> {
  for (const name of await readdir(dir)) {
    const owner = /^\.partial-(?:.*-)?(\d+)$/.exec(name)?.[1];
    if (owner !== undefined && !isProcessAlive(Number(owner)))
      await rm(path.join(dir, name), { recursive: true, force: true });
  }
}
