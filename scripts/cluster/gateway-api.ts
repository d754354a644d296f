import { cp } from 'node:fs/promises';
import path from 'node:path';
import { $, which } from 'zx';
import { cacheDir, fillEntry, hashPins } from '../tools/cache.ts';
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
    if (which.sync('go', { nothrow: true }) === null) return false;
    const shell = $({ cwd: pinned, quiet: true, nothrow: true, env: { ...process.env, GOWORK: 'off' } });
    const { exitCode, stdout } = await shell`go mod download -json ${modulePath}`;
    if (exitCode !== 0) return false;
    const { Dir } = JSON.parse(stdout) as { Dir: string };
    // What Go keeps is read-only, and nobody could remove the copy.
    await cp(path.join(Dir, folder), dir, { recursive: true, mode: 0 });
    await $`chmod -R u+w ${dir}`;
    return true;
  });
  return found ? entry : url;
}
