import { createHash } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { copyFile, link, mkdir, stat, unlink } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { contentFolders, listContent } from '../../runtime/backup/content.ts';
import { TransferRefusedError } from '../../runtime/database/transfer/refusal.ts';
import { UsageError } from '../command.ts';

/**
 * Copies what people put into a content folder: images, media, files, themes, routes and redirects. A file that is there
 * already with the same bytes stays; one with others is refused, before anything is copied.
 *
 * @returns the number of files copied
 * @throws TransferRefusedError naming the files that differ; UsageError where `from` is no content folder
 */
export async function copyContent(from: string, to: string): Promise<number> {
  if (!contentFolders.some((folder) => existsSync(path.join(from, folder))))
    throw new UsageError([
      `--content: expected Ghost's content folder, with ${contentFolders.join(', ')}; got ${from}`,
    ]);
  const files = await listContent(from);
  const missing: string[] = [];
  const different: string[] = [];
  for (const file of files) {
    const target = path.join(to, file);
    if (!existsSync(target)) missing.push(file);
    else if (!(await haveSameBytes(path.join(from, file), target))) different.push(target);
  }
  if (different.length > 0)
    throw new TransferRefusedError(
      different.map((file) => `${file}: expected no file, or the same; a different one is there`),
    );
  for (const file of missing) await copyWhole(path.join(from, file), path.join(to, file));
  return missing.length;
}

async function haveSameBytes(one: string, other: string): Promise<boolean> {
  if ((await stat(one)).size !== (await stat(other)).size) return false;
  return (await hashOf(one)) === (await hashOf(other));
}

async function hashOf(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex');
}

/** A file appears whole, and never in the place of another. */
async function copyWhole(from: string, to: string): Promise<void> {
  await mkdir(path.dirname(to), { recursive: true });
  const partial = path.join(path.dirname(to), `.${path.basename(to)}.${process.pid}`);
  await copyFile(from, partial);
  try {
    await link(partial, to);
  } finally {
    await unlink(partial);
  }
}
