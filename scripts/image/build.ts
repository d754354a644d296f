import { existsSync } from 'node:fs';
import { copyFile, link, mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { $ } from 'zx';
import { ghostPathOf } from '../fleet/ghost-release.ts';
import { cacheDir, fillEntry } from '../tools/cache.ts';
import { readFileOfImage } from './archive.ts';
import { makeBase } from './base.ts';
import { hashInputs, stageContext } from './context.ts';
import type { ImageDefinition } from './definitions.ts';
import { findBuildah, findDocker, type ImageEngine } from './engine.ts';

export interface ImageOptions {
  /** Top level of the checkout. */
  readonly root: string;
  readonly image: ImageDefinition;
  readonly tag: string;
  /** Release of Ghost, where the image has one; undefined for the one that runtime/site/ghost.json pins. */
  readonly ghostVersion: string | undefined;
  /** Base as FROM names it; undefined for the official one, or what is made in its place. */
  readonly base: string | undefined;
}

/** An image as a file. */
export interface BuiltImage {
  readonly tag: string;
  /** As `docker save` writes it: `docker load`, `kind load image-archive` and `ctr images import` take it. */
  readonly archive: string;
  /** CycloneDX in JSON. */
  readonly sbom: string;
  /** Bytes of the archive, which is not compressed. */
  readonly bytes: number;
  /** Where it has one, with the bytes of what npm and pnpm install. */
  readonly ghost: { readonly version: string; readonly installedBytes: number } | undefined;
}

/** Images of one name that stay in the cache: those of several checkouts. */
const keptImages = 3;

const sbomFile = 'opt/ghost-fleet/sbom.cdx.json';

/**
 * Builds an image, or takes it from the cache where nothing that goes into it has changed. The archive is
 * linked into `.local/images`.
 *
 * @throws UnavailableError where neither docker nor buildah can build it
 */
export async function buildImage(options: ImageOptions): Promise<BuiltImage> {
  const { root, image, tag } = options;
  const ghostVersion = image.hasGhost ? (options.ghostVersion ?? (await readPinnedGhost(root))) : undefined;
  const base = options.base ?? (await readDefaultBase(root, image));
  const name = tag.replaceAll(/[^a-z0-9.]+/gi, '-');
  const prefix = `image-${name}-`;
  const digest = hashInputs(root, image, [tag, ghostVersion ?? '', base, process.arch]);
  const entry = path.join(cacheDir(), `${prefix}${digest}`);
  const made = !existsSync(entry);
  await fillEntry(entry, async (dir) => {
    await buildInto(dir, { ...options, base, ghostVersion });
    return true;
  });
  const local = path.join(root, '.local/images');
  await mkdir(local, { recursive: true });
  const archive = path.join(local, `${name}.tar`);
  const sbom = path.join(local, `${name}.cdx.json`);
  await place(path.join(entry, 'image.tar'), archive);
  await place(path.join(entry, 'sbom.cdx.json'), sbom);
  if (made) await removeOldest(prefix);
  const ghost =
    ghostVersion === undefined
      ? undefined
      : { version: ghostVersion, installedBytes: await realSize(await ghostPathOf(ghostVersion)) };
  return { tag, archive, sbom, bytes: (await stat(archive)).size, ghost };
}

async function readPinnedGhost(root: string): Promise<string> {
  return (JSON.parse(await readFile(path.join(root, 'runtime/site/ghost.json'), 'utf8')) as { version: string })
    .version;
}

async function buildInto(
  dir: string,
  { root, image, tag, base, ghostVersion }: ImageOptions & { base: string },
): Promise<void> {
  const engine: ImageEngine = (await findDocker(base)) ?? (await findBuildah());
  const withRegistry = engine.name === 'docker';
  const context = path.join(dir, 'context');
  const archive = path.join(dir, 'image.tar');
  console.error(`image: building ${tag} with ${engine.name} (two or three minutes)`);
  const ghost = ghostVersion === undefined || withRegistry ? undefined : await realGhostPath(ghostVersion);
  stageContext(root, context, image, withRegistry ? undefined : { ghost });
  const revision = await $({ cwd: root, quiet: true, nothrow: true })`git rev-parse HEAD`;
  await engine.build({
    ...{ context, tag, archive, dockerfile: path.join(root, image.dockerfile), scratch: path.join(dir, 'scratch') },
    arguments: {
      BASE: withRegistry ? base : await baseWithoutRegistry(root, base),
      ...(ghostVersion === undefined ? {} : { GHOST_VERSION: ghostVersion }),
      REVISION: revision.exitCode === 0 ? revision.stdout.trim() : 'unknown',
    },
  });
  await writeFile(path.join(dir, 'sbom.cdx.json'), await readFileOfImage(archive, sbomFile));
  await rm(context, { recursive: true, force: true });
}

/** The official base is made here; any other name is buildah's to find. */
async function baseWithoutRegistry(root: string, base: string): Promise<string> {
  const version = /^node:([\d.]+)-bookworm-slim$/.exec(base)?.[1];
  if (version === undefined) return base;
  return makeBase((await $({ quiet: true })`readlink -f ${path.join(root, '.tools/node')}`).stdout.trim(), version);
}

async function readDefaultBase(root: string, { dockerfile }: ImageDefinition): Promise<string> {
  const text = await readFile(path.join(root, dockerfile), 'utf8');
  const base = /^ARG BASE=(\S+)$/m.exec(text)?.[1];
  if (base === undefined) throw new Error(`${dockerfile}: expected ARG BASE=…`);
  return base;
}

async function realGhostPath(version: string): Promise<string> {
  return (await $({ quiet: true })`readlink -f ${await ghostPathOf(version)}`).stdout.trim();
}

async function realSize(folder: string): Promise<number> {
  const { stdout } = await $({ quiet: true })`du --summarize --bytes --dereference-args ${folder}`;
  return Number(stdout.split('\t')[0]);
}

async function place(from: string, to: string): Promise<void> {
  const fresh = `${to}.${process.pid}`;
  // Another file system takes no links.
  await link(from, fresh).catch(() => copyFile(from, fresh));
  await rename(fresh, to);
  // Renaming one link to another of the same file leaves both.
  await rm(fresh, { force: true });
}

/** Each is several hundred megabytes; whoever uses an older one has a link of his own to it. */
async function removeOldest(prefix: string): Promise<void> {
  const names = (await readdir(cacheDir())).filter(
    (name) => name.startsWith(prefix) && /^[0-9a-f]{12}$/.test(name.slice(prefix.length)),
  );
  const entries = await Promise.all(
    names.map(async (name) => {
      const entry = path.join(cacheDir(), name);
      return { entry, made: (await stat(entry)).mtimeMs };
    }),
  );
  entries.sort((one, other) => other.made - one.made);
  for (const { entry } of entries.slice(keptImages)) await rm(entry, { recursive: true, force: true });
}
