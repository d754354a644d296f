import { mkdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { $ } from 'zx';
import { ensureProgram, findProgram } from '../services/debian-packages.ts';
import { UnavailableError } from '../tools/unavailable.ts';

/** What an engine is asked to build. */
export interface ImageBuild {
  /** Folder of the build context. */
  readonly context: string;
  readonly dockerfile: string;
  readonly tag: string;
  readonly arguments: Readonly<Record<string, string>>;
  /** File that the image is written to, as `docker save` writes it. */
  readonly archive: string;
  /** Folder for what the engine needs meanwhile. */
  readonly scratch: string;
}

/** A program that builds images from a Dockerfile. */
export interface ImageEngine {
  readonly name: string;
  build(options: ImageBuild): Promise<void>;
}

/** Docker, or undefined where it is missing, has no daemon, or cannot reach the registry of `base`. */
export async function findDocker(base: string): Promise<ImageEngine | undefined> {
  if (findProgram({ commands: ['docker'] }) === undefined) return undefined;
  const quiet = $({ quiet: true, nothrow: true, timeout: '60s' });
  if ((await quiet`docker info --format ${'{{.ServerVersion}}'}`).exitCode !== 0) return undefined;
  const known = (await quiet`docker image inspect ${base}`).exitCode === 0;
  if (!known && (await quiet`docker pull --quiet ${base}`).exitCode !== 0) return undefined;
  return {
    name: 'docker',
    async build({ context, dockerfile, tag, archive, arguments: values }) {
      const flags = flagsOf(values);
      await aloud()`docker build --file ${dockerfile} --tag ${tag} ${flags} ${context}`;
      await aloud()`docker save --output ${archive} ${tag}`;
    },
  };
}

/** Debian's buildah, which needs no daemon. `run` starts one of its commands on a storage of this build alone. */
export async function findBuildah(): Promise<
  ImageEngine & { run(scratch: string, args: readonly string[]): Promise<string> }
> {
  const program = await ensureProgram({ commands: ['buildah'], debianPackage: 'buildah' });
  if (program === undefined || process.getuid?.() !== 0) {
    throw new UnavailableError(
      'building an image needs docker with a registry that it reaches, or buildah (Debian package buildah) as root; neither is there',
    );
  }
  const at = (scratch: string) => [`--root=${path.join(scratch, 'storage')}`, `--runroot=${path.join(scratch, 'run')}`];
  const run = async (scratch: string, args: readonly string[]) =>
    (await $({ quiet: true })`${program} ${at(scratch)} ${args}`).stdout.trim();
  return {
    name: 'buildah',
    run,
    async build({ context, dockerfile, tag, archive, scratch, arguments: values }) {
      await mkdir(scratch, { recursive: true });
      try {
        // Steps run in a chroot: no network of their own, no right that this process lacks. Nothing of them is kept.
        const isolation = ['--isolation=chroot', '--layers=false', '--format=docker'];
        // Where docker means its own registry, buildah means this machine.
        const name = /^[^/]*[.:][^/]*\//.test(tag) ? tag : `docker.io/${tag}`;
        const args = ['bud', ...isolation, `--file=${dockerfile}`, `--tag=${name}`, ...flagsOf(values), context];
        await aloud()`${program} ${at(scratch)} ${args}`;
        await run(scratch, ['push', '--quiet', name, `docker-archive:${archive}:${name}`]);
      } finally {
        await rm(scratch, { recursive: true, force: true });
      }
    },
  };
}

function flagsOf(values: Readonly<Record<string, string>>): string[] {
  return Object.entries(values).flatMap(([name, value]) => ['--build-arg', `${name}=${value}`]);
}

/** What a build says goes to standard error: standard output is the command's own. */
function aloud() {
  return $({ stdio: ['ignore', process.stderr, 'inherit'] });
}
