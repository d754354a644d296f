import { cp, mkdir, readdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';

const folders = ['adapters', 'data', 'files', 'images', 'logs', 'media', 'public', 'settings', 'themes'];

/**
 * Makes Ghost's content folder complete: its sub-folders and the themes that the Ghost package brings. A theme that is
 * there already is left as it is, and an interrupted copy never looks like a theme.
 */
export async function prepareContentPath(contentPath: string, ghostPath: string): Promise<void> {
  await Promise.all(folders.map((folder) => mkdir(path.join(contentPath, folder), { recursive: true })));
  const themes = path.join(contentPath, 'themes');
  const present = new Set(await readdir(themes));
  const bundled = await readdir(path.join(ghostPath, 'content/themes'), { withFileTypes: true });
  for (const { name } of bundled.filter((entry) => entry.isDirectory() && !present.has(entry.name))) {
    const partial = path.join(contentPath, 'data', `.theme-${name}-${process.pid}`);
    await cp(path.join(ghostPath, 'content/themes', name), partial, { recursive: true, dereference: true });
    try {
      await rename(partial, path.join(themes, name));
    } catch (error) {
      // Another process of the same site was quicker.
      await rm(partial, { recursive: true, force: true });
      if (!['ENOTEMPTY', 'EEXIST'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    }
  }
}
