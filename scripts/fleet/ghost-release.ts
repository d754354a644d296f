import { readFileSync } from 'node:fs';
import path from 'node:path';
import { $ } from 'zx';
import { repositoryDir } from './supervised-process.ts';

/** The release of Ghost that sites run unless their YAML names another. */
export function pinnedGhost(): string {
  const file = path.join(repositoryDir, 'runtime/site/ghost.json');
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}

/**
 * Folder of a Ghost release, installed first where it is not there.
 *
 * @param version exact version; the pinned release where undefined
 */
export async function ghostPathOf(version: string | undefined): Promise<string> {
  if (version === undefined || version === pinnedGhost()) return path.join(repositoryDir, '.tools/ghost');
  await $({ cwd: repositoryDir, stdio: ['ignore', 'inherit', 'inherit'] })`sh scripts/install-ghost.sh ${version}`;
  return path.join(repositoryDir, `.tools/ghost-${version}`);
}
