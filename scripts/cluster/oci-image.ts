import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { chmod, copyFile, cp, mkdir, open, rename, stat, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { $ } from 'zx';
import type { Platform } from '../tools/manifest.ts';

/** An image of one layer: programs and links to them, on files or on nothing. */
export interface ImageDescription {
  /** Full name with host and tag, such as `docker.io/ghost-fleet/coredns:1.12.4`. */
  readonly name: string;
  /** Folder with files that lie below everything else, shared libraries among them. @default none, so programs are static */
  readonly base?: string;
  /** Programs by their path in the image. */
  readonly programs: Readonly<Record<string, string>>;
  /** Targets of symbolic links by their path in the image. @default none */
  readonly links?: Readonly<Record<string, string>>;
  readonly entrypoint: readonly string[];
  /** Where programs are looked for. @default /usr/bin:/bin */
  readonly path?: string;
  /** Whom it runs as, `<user>:<group>` by number. @default nobody */
  readonly user?: string;
}

/**
 * Writes the image as a tar in the layout of the Open Container Initiative, the same bytes for the same programs.
 *
 * @param dir an empty folder, in which `image.tar` is all that is left
 * @throws Error where a program is not static: there is no library in the image that it could load
 */
export async function writeImage(image: ImageDescription, goArch: Platform['goArch'], dir: string): Promise<string> {
  const root = path.join(dir, 'root');
  const layout = path.join(dir, 'layout');
  const blobs = path.join(layout, 'blobs', 'sha256');
  if (image.base !== undefined) await cp(image.base, root, { recursive: true, verbatimSymlinks: true });
  await mkdir(path.join(root, 'tmp'), { recursive: true });
  await chmod(path.join(root, 'tmp'), 0o1777);
  await mkdir(blobs, { recursive: true });
  for (const [target, program] of Object.entries(image.programs)) {
    if (image.base === undefined && !(await isStatic(program)))
      throw new Error(`${program}: expected a static program; got one that loads libraries`);
    await mkdir(path.dirname(path.join(root, target)), { recursive: true });
    await copyFile(program, path.join(root, target));
    await chmod(path.join(root, target), 0o755);
  }
  for (const [link, target] of Object.entries(image.links ?? {})) {
    await mkdir(path.dirname(path.join(root, link)), { recursive: true });
    await symlink(target, path.join(root, link));
  }
  const layer = path.join(dir, 'layer.tar');
  await archive(root, layer, ['.']);
  const layerBlob = { ...(await addBlob(blobs, layer)), mediaType: 'application/vnd.oci.image.layer.v1.tar' };
  const config = await addJson(blobs, 'application/vnd.oci.image.config.v1+json', {
    architecture: goArch,
    os: 'linux',
    config: {
      Entrypoint: image.entrypoint,
      Env: [`PATH=${image.path ?? '/usr/bin:/bin'}`],
      User: image.user ?? '65532:65532',
    },
    rootfs: { type: 'layers', diff_ids: [layerBlob.digest] },
  });
  const mediaType = 'application/vnd.oci.image.manifest.v1+json';
  const manifest = await addJson(blobs, mediaType, { schemaVersion: 2, mediaType, config, layers: [layerBlob] });
  const annotations = {
    'io.containerd.image.name': image.name,
    'org.opencontainers.image.ref.name': image.name.slice(image.name.lastIndexOf(':') + 1),
  };
  const index = { schemaVersion: 2, manifests: [{ ...manifest, annotations }] };
  await writeFile(path.join(layout, 'index.json'), JSON.stringify(index));
  await writeFile(path.join(layout, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }));
  const tar = path.join(dir, 'image.tar');
  await archive(layout, tar, ['oci-layout', 'index.json', 'blobs']);
  await $`rm -rf ${root} ${layout}`;
  return tar;
}

async function archive(from: string, to: string, entries: readonly string[]): Promise<void> {
  const same = ['--sort=name', '--mtime=@0', '--owner=0', '--group=0', '--numeric-owner', '--format=gnu'];
  await $`tar ${same} -cf ${to} -C ${from} ${entries}`;
}

interface Blob {
  readonly digest: string;
  readonly size: number;
}

/** Moves a file among the blobs, under the checksum of what is in it. */
async function addBlob(blobs: string, file: string): Promise<Blob> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  const digest = hash.digest('hex');
  const { size } = await stat(file);
  await rename(file, path.join(blobs, digest));
  return { digest: `sha256:${digest}`, size };
}

async function addJson(blobs: string, mediaType: string, value: object): Promise<Blob & { mediaType: string }> {
  const file = path.join(blobs, 'new');
  await writeFile(file, JSON.stringify(value));
  return { mediaType, ...(await addBlob(blobs, file)) };
}

const programHeaderInterpreter = 3;

/** Whether a 64-bit ELF program asks for no dynamic loader. */
export async function isStatic(program: string): Promise<boolean> {
  const file = await open(program, 'r');
  try {
    const header = Buffer.alloc(64);
    await file.read(header, 0, 64, 0);
    if (header.toString('latin1', 0, 4) !== '\x7fELF' || header[4] !== 2) return false;
    const [offset, size, count] = [
      Number(header.readBigUInt64LE(32)),
      header.readUInt16LE(54),
      header.readUInt16LE(56),
    ];
    const headers = Buffer.alloc(size * count);
    await file.read(headers, 0, headers.length, offset);
    return !Array.from({ length: count }, (_, index) => headers.readUInt32LE(index * size)).includes(
      programHeaderInterpreter,
    );
  } finally {
    await file.close();
  }
}
