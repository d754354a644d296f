import type { PlanKey } from '../../../sites/plans.ts';
import type { Site } from '../../../sites/schema.ts';
import type { Transaction } from '../database/connection.ts';
import { NotFound } from './reply.ts';

/** A site as the platform's database has it. */
export interface SiteRow {
  readonly slug: string;
  readonly creator_id: string;
  readonly title: string;
  readonly url: string;
  readonly domains: readonly string[];
  readonly plan: PlanKey;
  readonly state: Site['state'];
  readonly strategy: string;
  readonly removed_at: Date | null;
}

/** The site, if whoever's scope this is may see it. @throws NotFound */
export async function requireSite(db: Transaction, slug: string): Promise<SiteRow> {
  const site = await db<SiteRow>('sites').where({ slug }).first();
  if (site === undefined) throw new NotFound('There is no such site.');
  return site;
}
