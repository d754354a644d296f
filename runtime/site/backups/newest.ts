import { Readable } from 'node:stream';
import { type FileStore, MissingFileError } from '../media/file-store.ts';

/** A backup's id is the moment that it was begun: `20261125T031500Z`. */
export const backupIdPattern = /^\d{8}T\d{6}Z$/;

/** The moment that an id names. */
export function momentOf(id: string): Date {
  return new Date(id.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'));
}

/** Where a site's newest complete backup is named, so that nobody has to list thousands of files to learn of it. */
function keyOfNewest(slug: string): string {
  return `${slug}/newest`;
}

/** Names a complete backup as the newest; what retention removes is never that one. */
export async function nameNewest(store: FileStore, { slug, id }: { slug: string; id: string }): Promise<void> {
  await store.write(keyOfNewest(slug), Readable.from([Buffer.from(`${id}\n`)]));
}

/**
 * The moment of a site's newest complete backup.
 *
 * @returns null where none was made
 * @throws the store's error where it does not answer
 */
export async function readNewest(store: FileStore, slug: string): Promise<Date | null> {
  try {
    let text = '';
    for await (const chunk of await store.read(keyOfNewest(slug))) text += Buffer.from(chunk).toString('latin1');
    return backupIdPattern.test(text.trim()) ? momentOf(text.trim()) : null;
  } catch (error) {
    if (error instanceof MissingFileError) return null;
    throw error;
  }
}
