import { keyOf, listBackups, manifestFile, momentOf } from './manifest.ts';
import type { BackupStore } from './store.ts';

/**
 * Removes a site's backups that are older than `days`, never the newest one.
 *
 * @returns the ids of those removed
 */
export async function removeOldBackups(store: BackupStore, slug: string, days: number, now: Date): Promise<string[]> {
  const ids = await listBackups(store, slug);
  const old = ids.slice(0, -1).filter((id) => now.getTime() - momentOf(id).getTime() > days * 86_400_000);
  for (const id of old) {
    // Without its manifest a backup is none, so that an interruption leaves nothing that looks whole.
    await store.remove(keyOf({ slug, id }, manifestFile));
    for (const key of await store.list(keyOf({ slug, id }, ''))) await store.remove(key);
  }
  return old;
}
