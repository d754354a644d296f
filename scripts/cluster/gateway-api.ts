import { cp } from 'node:fs/promises';
import path from 'node:path';
import { $ } from 'zx';
import { cacheDir, fillEntry, hashPins } from '../tools/cache.ts';
import { moduleFolder } from '../tools/go-module.ts';
import { manifest } from '../tools/manifest.ts';

/**
 * The official definitions of the Gateway API, for `kubectl apply --filename`: a folder filled from the Go module proxy
 * (compared with go.sum), or the publisher's file by its URL where there is no Go.
 *
 * @param root top level of the checkout
 */
export async function gatewayApiDefinitions(root: string): Promise<string> {
  const { name, version, module, path: modulePath, folder, url } = manifest.gatewayApi;
  const pinned = path.join(root, module);
  const entry = path.join(cacheDir(), `${name}-${version}-${await hashPins(manifest.gatewayApi, [pinned])}`);
  const found = await fillEntry(entry, async (dir) => {
    const source = await moduleFolder(pinned, modulePath);
    if (source === undefined) return false;
    await cp(path.join(source, folder), dir, { recursive: true });
    // What Go keeps is read-only, and nobody could remove the copy.
    await $`chmod -R u+w ${dir}`;
    return true;
  });
  return found ? entry : url;
}
