import { copyFileSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { writeImage } from '../../../scripts/cluster/oci-image.ts';
import { copyLibraries } from '../../../scripts/image/libraries.ts';
import {
  busybox,
  ensureProgram,
  pgbouncer,
  redis,
  type SystemProgram,
} from '../../../scripts/services/debian-packages.ts';
import { currentPlatform } from '../../../scripts/tools/platform.ts';

/** Commands of a shell that the stacks' pods call. */
const shellCommands = ['cat', 'grep', 'kill', 'mv', 'sh', 'sleep', 'test'];

/** Names of the images that stand in for the publishers' own where no registry has them. */
export const serviceImages = { redis: 'ghost-fleet/redis:debian', pooler: 'ghost-fleet/pgbouncer:debian' } as const;

/**
 * Makes images of Debian's Redis and PgBouncer: the program, the libraries that it loads and a shell.
 *
 * @param dir an empty folder
 * @returns paths of their tars
 */
export async function makeServiceImages(dir: string): Promise<readonly string[]> {
  return [
    await makeServiceImage(serviceImages.redis, redis, path.join(dir, 'redis')),
    await makeServiceImage(serviceImages.pooler, pgbouncer, path.join(dir, 'pooler')),
  ];
}

async function makeServiceImage(name: string, server: SystemProgram, dir: string): Promise<string> {
  const [program, shell] = [await ensureProgram(server), await ensureProgram(busybox)];
  if (program === undefined || shell === undefined) {
    throw new Error(`${name}: expected the Debian packages ${server.debianPackage} and ${busybox.debianPackage}`);
  }
  const base = path.join(dir, 'base');
  await copyLibraries(base, [program]);
  mkdirSync(path.join(base, 'usr/bin'), { recursive: true });
  copyFileSync(program, path.join(base, 'usr/bin', path.basename(program)));
  return writeImage(
    {
      name: `docker.io/${name}`,
      base,
      programs: { 'usr/bin/busybox': shell },
      links: {
        bin: 'usr/bin',
        lib: 'usr/lib',
        lib64: 'usr/lib64',
        ...Object.fromEntries(shellCommands.map((command) => [`usr/bin/${command}`, 'busybox'])),
      },
      entrypoint: [`/usr/bin/${path.basename(program)}`],
    },
    currentPlatform().goArch,
    dir,
  );
}
