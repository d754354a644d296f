import { copyFileSync, mkdirSync, realpathSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { $ } from 'zx';

/** A package of the operating system, some of whose files are in the image. */
export interface SystemPackage {
  readonly name: string;
  readonly version: string;
}

/**
 * Copies the shared libraries that programs and modules ask for, with all that those ask for, and the dynamic loader.
 * What it leaves in `var/lib/dpkg/status.d` tells scanners which packages they are from, as they know it from other
 * images without a package manager.
 *
 * @param binaries absolute paths; those below `image` may bring libraries of their own
 */
export async function copyLibraries(image: string, binaries: readonly string[]): Promise<SystemPackage[]> {
  const quiet = $({ quiet: true });
  const found = new Set<string>();
  for (const binary of binaries) {
    const { stdout } = await quiet`ldd ${binary}`;
    const missing = /^\s*(\S+) => not found$/m.exec(stdout)?.[1];
    if (missing !== undefined) throw new Error(`${binary}: expected ${missing} in the base; it is not there`);
    for (const [, file = ''] of stdout.matchAll(/(?:=>\s+|^\s+)(\/\S+) \(0x/gm))
      if (!file.startsWith(image)) found.add(file);
  }
  const packages = new Map<string, SystemPackage>();
  for (const file of [...found].sort()) {
    // Debian's /lib and /lib64 are links into /usr; so are the image's.
    const target = path.join(image, file.startsWith('/usr/') ? file : `/usr${file}`);
    mkdirSync(path.dirname(target), { recursive: true });
    copyFileSync(realpathSync(file), target);
    const owner = await ownerOf(file);
    packages.set(owner.name, owner);
  }
  const status = path.join(image, 'var/lib/dpkg/status.d');
  mkdirSync(status, { recursive: true });
  for (const { name } of packages.values())
    writeFileSync(path.join(status, name), (await quiet`dpkg-query --status ${name}`).stdout);
  return [...packages.values()].sort((one, other) => (one.name < other.name ? -1 : 1));
}

async function ownerOf(file: string): Promise<SystemPackage> {
  const quiet = $({ quiet: true, nothrow: true });
  for (const candidate of [file, `/usr${file}`, file.replace(/^\/usr/, ''), realpathSync(file)]) {
    const { exitCode, stdout } = await quiet`dpkg-query --search ${candidate}`;
    const name = /^([^:,\s]+)/.exec(stdout)?.[1];
    if (exitCode !== 0 || name === undefined) continue;
    const status = await quiet`dpkg-query --status ${name}`;
    const version = /^Version: (\S+)$/m.exec(status.stdout)?.[1] ?? '';
    return { name, version };
  }
  throw new Error(`${file}: expected a package of the base that it belongs to`);
}
