import type { Transaction } from '../database/connection.ts';
import type { Viewer } from './viewer.ts';

/** Days in which a wish to have a site deleted can be withdrawn. */
export const coolingOffDays = 30;

/** A wish that was not withdrawn. */
export interface DeletionRequest {
  readonly site_slug: string;
  readonly requested_by: string;
  readonly requested_at: Date;
  readonly due_at: Date;
}

/**
 * Notes the wish to have a site deleted. Nothing is deleted by it: after the cooling-off somebody of the staff does so by
 * hand.
 *
 * @returns false where the wish is there already
 */
export async function requestDeletion(
  db: Transaction,
  site: { readonly slug: string; readonly creator_id: string },
  viewer: Viewer,
  now: Date,
): Promise<boolean> {
  const row = {
    site_slug: site.slug,
    creator_id: site.creator_id,
    requested_by: viewer.email,
    requested_at: now,
    due_at: new Date(now.getTime() + coolingOffDays * 86_400_000),
  };
  const made = await db('deletion_requests')
    .insert(row)
    .onConflict(db.raw('(site_slug) where withdrawn_at is null'))
    .ignore()
    .returning('id');
  return made.length > 0;
}

/** @returns whether there was such a wish */
export async function withdrawDeletion(db: Transaction, slug: string, now: Date): Promise<boolean> {
  const query = db('deletion_requests').where({ site_slug: slug }).whereNull('withdrawn_at');
  return (await query.update({ withdrawn_at: now })) > 0;
}

export async function findDeletion(db: Transaction, slug: string): Promise<DeletionRequest | undefined> {
  return db<DeletionRequest & { withdrawn_at: Date | null }>('deletion_requests')
    .where({ site_slug: slug })
    .whereNull('withdrawn_at')
    .first('site_slug', 'requested_by', 'requested_at', 'due_at');
}

/** All wishes in the scope, those that are due first. */
export async function listDeletions(db: Transaction): Promise<DeletionRequest[]> {
  return db<DeletionRequest & { withdrawn_at: Date | null }>('deletion_requests')
    .whereNull('withdrawn_at')
    .orderBy('due_at')
    .select('site_slug', 'requested_by', 'requested_at', 'due_at');
}
