import type { Transaction } from '../database/connection.ts';
import type { SubscriptionEvent } from './subscription.ts';
import {
  cancelSubscription,
  changePlan,
  handOverSubscription,
  listSubscriptions,
  pauseSubscription,
  resumeSubscription,
  type SubscriptionChange,
  startSubscription,
} from './subscriptions.ts';

interface RegisteredSite {
  readonly slug: string;
  readonly creator_id: string;
  readonly plan: string;
  readonly state: 'active' | 'paused' | 'suspended';
  readonly removed_at: Date | null;
}

const actor = 'registry';

/**
 * Brings subscriptions to what the registry says: who owns a site, its plan, whether it runs, rests or has left. Repeated,
 * it changes nothing; in the scope of the fleet.
 *
 * @param slugs the sites to look at @default all
 * @returns what changed
 */
export async function followRegistry(
  db: Transaction,
  now: Date,
  slugs?: readonly string[],
): Promise<SubscriptionChange[]> {
  const sites: RegisteredSite[] = await db('sites')
    .modify((query) => slugs !== undefined && query.whereIn('slug', slugs))
    .orderBy('creator_id')
    .select('slug', 'creator_id', 'plan', 'state', 'removed_at');
  const subscriptions = new Map((await listSubscriptions(db)).map((subscription) => [subscription.site, subscription]));
  const changes: SubscriptionChange[] = [];
  for (const site of sites) changes.push(...(await followSite(db, site, subscriptions.get(site.slug), now)));
  return changes.filter(({ changed }) => changed);
}

async function followSite(
  db: Transaction,
  site: RegisteredSite,
  subscription: SubscriptionEvent | undefined,
  now: Date,
): Promise<SubscriptionChange[]> {
  const { slug, creator_id: creatorId, plan } = site;
  const runs = subscription !== undefined && subscription.lifecycle !== 'cancelled';
  if (site.removed_at !== null) return runs ? [await cancelSubscription(db, { site: slug, actor }, now)] : [];
  if (!runs) return [await startSubscription(db, { creatorId, site: slug, plan, actor }, now)];
  const changes: SubscriptionChange[] = [];
  if (subscription.creatorId !== creatorId)
    changes.push(await handOverSubscription(db, { site: slug, to: creatorId, actor }, now));
  if (subscription.plan !== plan) changes.push(await changePlan(db, { site: slug, plan, actor }, now));
  if (site.state === 'paused' && subscription.lifecycle === 'running')
    changes.push(await pauseSubscription(db, { site: slug, actor }, now));
  if (site.state === 'active' && subscription.lifecycle === 'paused')
    changes.push(await resumeSubscription(db, { site: slug, actor }, now));
  return changes;
}
