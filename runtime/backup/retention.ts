import { momentOf } from '../site/backups/newest.ts';
import type { FileStore } from '../site/media/file-store.ts';
import { keyOf, keyOfFile, listBackups, manifestFile, readManifest, sharedPrefix } from './manifest.ts';

const dayMs = 86_400_000;

/**
 * Removes a site's backups that are older than `days`, never the newest one, then the files that no backup lists any more.
 * Those of the last day stay: a backup that is being made lists them only at its end.
 *
 * @returns the ids of those removed
 * @throws DamagedBackupError where a backup that stays does not say what it needs; its files are left alone
 */
export async function removeOldBackups(store: FileStore, slug: string, days: number, now: Date): Promise<string[]> {
  const ids = await listBackups(store, slug);
  const old = ids.slice(0, -1).filter((id) => now.getTime() - momentOf(id).getTime() > days * dayMs);
  for (const id of old) {
    // Without its manifest a backup is none, so that an interruption leaves nothing that looks whole.
    await store.remove(keyOf({ slug, id }, manifestFile));
    for (const { key } of await store.list(keyOf({ slug, id }, ''))) await store.remove(key);
  }
  if (old.length > 0) await removeUnlisted(store, slug, ids.slice(old.length), now);
  return old;
}

async function removeUnlisted(store: FileStore, slug: string, ids: readonly string[], now: Date): Promise<void> {
  const listed = new Set<string>();
  for (const id of ids) {
    const manifest = await readManifest(store, { slug, id });
    for (const file of manifest.files) listed.add(keyOfFile(manifest, file));
  }
  for (const { key, modified } of await store.list(sharedPrefix(slug))) {
    if (!listed.has(key) && now.getTime() - modified.getTime() > dayMs) await store.remove(key);
  }
}
