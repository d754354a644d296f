import type { Transaction } from '../database/connection.ts';
import { BillingError } from './errors.ts';
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

/** What following the registry came to. */
export interface FollowedRegistry {
  readonly changes: readonly SubscriptionChange[];
  /** Sites that billing did not let follow, with the reason. */
  readonly refused: readonly string[];
}

const actor = 'registry';

/**
 * Brings subscriptions to what the registry says: who owns a site, its plan, whether it runs, rests or has left. Repeated,
 * it changes nothing; in the scope of the fleet. What billing does not allow, such as resuming a site that is
 * suspended for unpaid invoices, is left for the next time.
 */
export async function followRegistry(db: Transaction, now: Date): Promise<FollowedRegistry> {
  const sites: RegisteredSite[] = await db('sites')
    .orderBy('creator_id')
    .select('slug', 'creator_id', 'plan', 'state', 'removed_at');
  const subscriptions = new Map((await listSubscriptions(db)).map((subscription) => [subscription.site, subscription]));
  const changes: SubscriptionChange[] = [];
  const refused: string[] = [];
  for (const site of sites) {
    try {
      changes.push(...(await followSite(db, site, subscriptions.get(site.slug), now)));
    } catch (error) {
      if (!(error instanceof BillingError)) throw error;
      refused.push(`${site.slug}: ${error.message}`);
    }
  }
  return { changes: changes.filter(({ changed }) => changed), refused };
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
  if (!runs) return [await startSubscription(db, { creatorId, site: slug, plan, actor, despiteDebt: true }, now)];
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
