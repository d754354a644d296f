import { type Dirent, existsSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';

/** Folders of Ghost's content folder that people fill. Data and logs are none of them. */
export const contentFolders = ['images', 'media', 'files', 'themes', 'settings'] as const;

/** Where Ghost keeps a site's redirects: beside its database. */
const redirects = ['data/redirects.json', 'data/redirects.yaml'];

/**
 * Files that people put into a content folder, as paths from there, sorted. Symbolic links are followed: themes are often
 * linked into place.
 */
export async function listContent(contentPath: string): Promise<string[]> {
  const files = redirects.filter((file) => existsSync(path.join(contentPath, file)));
  for (const folder of contentFolders) await listFiles(contentPath, folder, files);
  return files;
}

/** Whether a path from a content folder is one that {@link listContent} may list. */
export function isContent(file: string): boolean {
  return redirects.includes(file) || contentFolders.some((folder) => file.startsWith(`${folder}/`));
}

async function listFiles(root: string, folder: string, files: string[]): Promise<void> {
  const entries: Dirent[] = await readdir(path.join(root, folder), { withFileTypes: true }).catch(
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return [];
      throw error;
    },
  );
  for (const { name } of entries.sort((one, other) => (one.name < other.name ? -1 : 1))) {
    const file = path.join(folder, name);
    const found = await stat(path.join(root, file));
    if (found.isDirectory()) await listFiles(root, file, files);
    else if (found.isFile()) files.push(file);
  }
}
