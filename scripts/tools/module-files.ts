import { cp } from 'node:fs/promises';
import path from 'node:path';
import { $ } from 'zx';
import { cacheDir, fillEntry, hashPins } from './cache.ts';
import { moduleFolder } from './go-module.ts';
import type { ModuleFiles } from './manifest.ts';

/**
 * Files of a publisher that are no program, such as manifests for `kubectl apply --filename`: a folder or a file from the
 * Go module proxy (compared with go.sum), or the publisher's one file by its URL where there is no Go.
 *
 * @param root top level of the checkout
 * @returns path or URL
 */
export async function moduleFiles(root: string, files: ModuleFiles): Promise<string> {
  const { name, version, module, path: modulePath, part, url } = files;
  const pinned = path.join(root, module);
  const entry = path.join(cacheDir(), `${name}-${version}-${await hashPins(files, [pinned])}`);
  const found = await fillEntry(entry, async (dir) => {
    const source = await moduleFolder(pinned, modulePath);
    if (source === undefined) return false;
    await cp(path.join(source, part), path.join(dir, path.basename(part)), { recursive: true });
    // What Go keeps is read-only, and nobody could remove the copy.
    await $`chmod -R u+w ${dir}`;
    return true;
  });
  return found ? path.join(entry, path.basename(part)) : url;
}
