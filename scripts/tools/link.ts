import { mkdir, readlink, rename, rm, symlink } from 'node:fs/promises';
import path from 'node:path';

/** Makes `file` a link to `target`, in one step and only where it is not one yet. */
export async function link(target: string, file: string): Promise<void> {
  if ((await readlink(file).catch(() => undefined)) === target) return;
  await mkdir(path.dirname(file), { recursive: true });
  const fresh = `${file}.${process.pid}`;
  await rm(fresh, { force: true });
  await symlink(target, fresh);
  await rename(fresh, file);
}
