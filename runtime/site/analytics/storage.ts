import { lstat, opendir } from 'node:fs/promises';
import path from 'node:path';

/** Bytes of all files below a folder; links are not followed, and what goes away meanwhile does not count. */
export async function folderBytes(folder: string): Promise<number> {
  let bytes = 0;
  for await (const entry of await opendir(folder, { recursive: true })) {
    if (entry.isFile()) bytes += await sizeOf(path.join(entry.parentPath, entry.name));
  }
  return bytes;
}

async function sizeOf(file: string): Promise<number> {
  try {
    return (await lstat(file)).size;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 0;
    throw error;
  }
}
