import path from 'node:path';
import { $, which } from 'zx';

/**
 * Folder in which Go keeps the files of a module (read-only), fetched from the proxy and compared with a go.sum.
 *
 * @param pinned folder of the go.mod and go.sum that pin it
 * @returns undefined where there is no Go, or the module cannot be had
 */
export async function moduleFolder(pinned: string, modulePath: string): Promise<string | undefined> {
  if (which.sync('go', { nothrow: true }) === null) return undefined;
  const env = { ...process.env, GOWORK: 'off' };
  const shell = $({ cwd: path.resolve(pinned), quiet: true, nothrow: true, env });
  const { exitCode, stdout } = await shell`go mod download -json ${modulePath}`;
  return exitCode === 0 ? (JSON.parse(stdout) as { Dir: string }).Dir : undefined;
}
