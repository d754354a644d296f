import { createHash } from 'node:crypto';
import path from 'node:path';
import { $ } from 'zx';
import { ensureProgram } from '../services/debian-packages.ts';
import { cacheDir, fillEntry } from '../tools/cache.ts';
import { UnavailableError } from '../tools/unavailable.ts';
import { findBuildah } from './engine.ts';

/** What the official base has beside Node, and strip, which it lacks. */
const suite = 'bookworm';
const debianPackages = ['binutils', 'ca-certificates'] as const;

/**
 * Makes what stands in for the official image `node:<version>-bookworm-slim` where no registry of images can be reached:
 * Debian's packages and the Node of npm's package, which is the publisher's own binary.
 *
 * @param nodeDir folder of the pinned Node, with `bin` and `include`
 * @returns the base as `FROM` names it
 */
export async function makeBase(nodeDir: string, nodeVersion: string): Promise<string> {
  const pins = JSON.stringify([suite, debianPackages, nodeVersion, process.arch]);
  const digest = createHash('sha256').update(pins).digest('hex').slice(0, 12);
  const entry = path.join(cacheDir(), `image-base-node-${nodeVersion}-${digest}`);
  await fillEntry(entry, async (dir) => {
    const buildah = await findBuildah();
    const program = await ensureProgram({ commands: ['mmdebstrap'], debianPackage: 'mmdebstrap' });
    if (program === undefined) throw new UnavailableError('a base image needs mmdebstrap (Debian package mmdebstrap)');
    console.error(`image: a base of Debian ${suite} and Node ${nodeVersion} (about a minute, once)`);
    const root = path.join(dir, 'root.tar');
    const scratch = path.join(dir, 'scratch');
    const hook = `copy-in "${nodeDir}/bin" "${nodeDir}/include" /usr/local`;
    const without = ['/usr/share/doc/*', '/usr/share/man/*', '/usr/share/locale/*'].map(
      (folder) => `--dpkgopt=path-exclude=${folder}`,
    );
    const args = ['--quiet', '--variant=minbase', `--include=${debianPackages.join(',')}`, ...without];
    await $({ stdio: ['ignore', 'inherit', 'inherit'] })`${program} ${args} --customize-hook=${hook} ${suite} ${root}`;
    const container = await buildah.run(scratch, ['from', 'scratch']);
    await buildah.run(scratch, ['add', '--quiet', container, root, '/']);
    const tag = `localhost/ghost-fleet/base:node-${nodeVersion}`;
    await buildah.run(scratch, ['commit', '--quiet', container, tag]);
    await buildah.run(scratch, ['push', '--quiet', tag, `docker-archive:${path.join(dir, 'base.tar')}:${tag}`]);
    await $({ quiet: true })`rm -rf ${scratch} ${root}`;
    return true;
  });
  return `docker-archive:${path.join(entry, 'base.tar')}`;
}
