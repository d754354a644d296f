import { existsSync } from 'node:fs';
import { mkdir, readdir, rmdir, writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const root = '/sys/fs/cgroup';

/**
 * Makes the control group below which all pods of a cluster run, so that two clusters do not end each other's pods, and
 * gives it the weight that Kubernetes gives to the pods of a node.
 */
export async function createControlGroup(name: string): Promise<void> {
  for (const hierarchy of await hierarchies()) {
    const group = path.join(hierarchy, name);
    await mkdir(group, { recursive: true });
    // Version 1 weighs a group like one process until told otherwise, and the pods would starve beside a few others.
    const shares = path.join(group, 'cpu.shares');
    if (existsSync(shares)) await writeFile(shares, String(1024 * cpus().length));
  }
}

/** Removes the control group with all below it, once the processes in it are gone. */
export async function removeControlGroup(name: string): Promise<void> {
  for (const hierarchy of await hierarchies()) await removeTree(path.join(hierarchy, name));
}

/** One folder on a machine with version 2, one for each controller with version 1. */
async function hierarchies(): Promise<string[]> {
  if (existsSync(path.join(root, 'cgroup.controllers'))) return [root];
  const entries = await readdir(root, { withFileTypes: true });
  return entries.filter((entry) => entry.isDirectory()).map((entry) => path.join(root, entry.name));
}

async function removeTree(dir: string): Promise<void> {
  const entries = await readdir(dir, { withFileTypes: true }).catch(() => []);
  for (const entry of entries) if (entry.isDirectory()) await removeTree(path.join(dir, entry.name));
  for (const deadline = Date.now() + 10_000; ; await sleep(50)) {
    try {
      await rmdir(dir);
      return;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'ENOENT') return;
      // A process that was killed leaves its group a moment later.
      if (code !== 'EBUSY' || Date.now() > deadline) throw error;
    }
  }
}
