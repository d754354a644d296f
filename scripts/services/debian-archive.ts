import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { $ } from 'zx';
import { cacheDir, fillEntry, hashPins } from '../tools/cache.ts';
import { findProgram } from './debian-packages.ts';

/**
 * Files of Debian packages, unpacked into one folder of the cache instead of installed, so that no service of theirs is
 * started and nothing of this machine is another afterwards.
 *
 * @returns the folder, or undefined where apt cannot fetch them
 */
export async function unpackDebianPackages(names: readonly string[]): Promise<string | undefined> {
  if (findProgram({ commands: ['apt-get'] }) === undefined) return undefined;
  const shell = $({ quiet: true, nothrow: true });
  const known = await shell`apt-cache show --no-all-versions ${names}`;
  if (known.exitCode !== 0) await shell`apt-get -qq update`;
  const versions = [...(await shell`apt-cache show --no-all-versions ${names}`).stdout.matchAll(/^Version: (.*)$/gm)];
  const key = await hashPins([names, versions.map(([, version]) => version)], []);
  const entry = path.join(cacheDir(), `debian-${names[0]}-${key}`);
  const filled = await fillEntry(entry, async (dir) => {
    if ((await $({ quiet: true, nothrow: true, cwd: dir })`apt-get -qq download ${names}`).exitCode !== 0) return false;
    for (const file of (await readdir(dir)).filter((name) => name.endsWith('.deb'))) {
      await $({ quiet: true, cwd: dir })`dpkg-deb --extract ${file} root`;
      await $({ quiet: true, cwd: dir })`rm ${file}`;
    }
    return true;
  });
  return filled && existsSync(entry) ? path.join(entry, 'root') : undefined;
}
