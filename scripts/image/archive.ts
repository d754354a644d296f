import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { $ } from 'zx';

/** What stands in an image's configuration and a container is started with. */
export interface ImageConfiguration {
  readonly Env: readonly string[];
  readonly Entrypoint: readonly string[];
  readonly WorkingDir: string;
  readonly User: string;
  readonly Labels: Readonly<Record<string, string>>;
}

interface ArchiveManifest {
  readonly Config: string;
  readonly RepoTags: readonly string[];
  readonly Layers: readonly string[];
}

/** The names that an archive, as `docker save` writes it, gives its image. */
export async function readTags(archive: string): Promise<readonly string[]> {
  return (await readManifest(archive)).RepoTags;
}

/** The configuration of the image in an archive. */
export async function readConfiguration(archive: string): Promise<ImageConfiguration> {
  const { Config } = await readManifest(archive);
  return (JSON.parse(await readMember(archive, Config)) as { config: ImageConfiguration }).config;
}

/** Unpacks the layers of an image one over the other, with their owners. Layers that take files away are not foreseen. */
export async function unpackImage(archive: string, folder: string): Promise<void> {
  const { Layers } = await readManifest(archive);
  const layers = path.join(folder, '..', 'layers');
  for (const target of [folder, layers]) await mkdir(target, { recursive: true });
  const quiet = $({ quiet: true });
  await quiet`tar --extract --file ${archive} --directory ${layers} -- ${Layers}`;
  for (const layer of Layers) {
    await quiet`tar --extract --numeric-owner --preserve-permissions --file ${path.join(layers, layer)} --directory ${folder}`;
  }
  await quiet`rm -rf ${layers}`;
}

/** A small text file of the image, read without unpacking the rest. */
export async function readFileOfImage(archive: string, file: string): Promise<string> {
  const { Layers } = await readManifest(archive);
  const quiet = $({ quiet: true, nothrow: true });
  for (const layer of [...Layers].reverse()) {
    const found =
      await quiet`tar --extract --to-stdout --file ${archive} -- ${layer} | tar --extract --to-stdout --file - -- ${file}`;
    if (found.exitCode === 0) return found.stdout;
  }
  throw new Error(`${archive}: expected ${file} in its image`);
}

async function readManifest(archive: string): Promise<ArchiveManifest> {
  const [manifest] = JSON.parse(await readMember(archive, 'manifest.json')) as ArchiveManifest[];
  if (manifest === undefined) throw new Error(`${archive}: expected an image`);
  return manifest;
}

async function readMember(archive: string, member: string): Promise<string> {
  return (await $({ quiet: true })`tar --extract --to-stdout --file ${archive} -- ${member}`).stdout;
}
