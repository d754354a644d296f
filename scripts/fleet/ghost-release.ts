import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { $ } from 'zx';
import { repositoryDir } from './supervised-process.ts';

/**
 * Folder of a Ghost release, installed first where it is not there.
 *
 * @param version exact version; the pinned release where undefined
 */
export async function ghostPathOf(version: string | undefined): Promise<string> {
  const pin = JSON.parse(await readFile(path.join(repositoryDir, 'runtime/site/ghost.json'), 'utf8')) as {
    version: string;
  };
  if (version === undefined || version === pin.version) return path.join(repositoryDir, '.tools/ghost');
  await $({ cwd: repositoryDir, stdio: ['ignore', 'inherit', 'inherit'] })`sh scripts/install-ghost.sh ${version}`;
  return path.join(repositoryDir, `.tools/ghost-${version}`);
}
