import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { chmod, mkdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ReadableStream } from 'node:stream/web';
import { $ } from 'zx';
import type { Download } from './manifest.ts';
import { UnavailableError } from './unavailable.ts';

/** The publisher answered, and what came is not what its own checksum says. */
export class ChecksumError extends UnavailableError {
  constructor(url: string, expected: string, got: string) {
    super(`${url}: expected sha256 ${expected}; got ${got}`);
  }
}

const connectSeconds = 10;

/**
 * Fetches the programs of a download into `dir`, compared with the publisher's checksum before anything is unpacked.
 *
 * @param programs names that must be in `dir` afterwards; the first is the name of a download that is no archive
 * @returns false where the publisher cannot be reached or does not have the file
 * @throws ChecksumError
 */
export async function download(source: Download, programs: readonly string[], dir: string): Promise<boolean> {
  const list = await get(source.checksums);
  if (list === undefined) return false;
  const expected = findChecksum(await list.text(), path.basename(source.url));
  if (expected === undefined) return false;
  const response = await get(source.url);
  if (response?.body == null) return false;
  await mkdir(dir, { recursive: true });
  const file = path.join(dir, '.download');
  await pipeline(Readable.fromWeb(response.body as ReadableStream), createWriteStream(file));
  const got = await sha256(file);
  if (got !== expected) throw new ChecksumError(source.url, expected, got);
  if (source.folder === undefined) {
    await rename(file, path.join(dir, programs[0] ?? ''));
  } else {
    const folders = source.folder.split('/').filter((name) => name !== '');
    const members = programs.map((program) => [...folders, program].join('/'));
    await $`tar -xzf ${file} -C ${dir} --strip-components=${folders.length} ${members}`;
    await rm(file);
  }
  for (const program of programs) await chmod(path.join(dir, program), 0o755);
  return true;
}

/** An answer with status 200, or undefined: what is not there and what cannot be reached leave the same choice. */
async function get(url: string): Promise<Response | undefined> {
  const connecting = new AbortController();
  const timer = setTimeout(() => connecting.abort(), connectSeconds * 1000);
  try {
    const response = await fetch(url, { signal: connecting.signal });
    if (response.ok) return response;
    await response.body?.cancel();
    return undefined;
  } catch {
    return undefined;
  } finally {
    clearTimeout(timer);
  }
}

/** The checksum of `name` in a `sha256sum` list, or a list's only one. */
export function findChecksum(list: string, name: string): string | undefined {
  const lines = list.trim().split('\n');
  for (const line of lines) {
    const [checksum, file] = line.trim().split(/\s+\*?/);
    const isIt = file === undefined ? lines.length === 1 : path.basename(file) === name;
    if (isIt && checksum !== undefined && /^[0-9a-f]{64}$/.test(checksum)) return checksum;
  }
  return undefined;
}

async function sha256(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex');
}
