import type { PlatformDatabase, Transaction } from '../database/connection.ts';
import { lockAccount } from './accounts.ts';
import { lastEvents } from './events.ts';
import { addDays } from './period.ts';
import type { BillingSettings } from './settings.ts';
import { type Standing, type SubscriptionEvent, type WantedSiteState, wantedSiteState } from './subscription.ts';
import { changeStanding, type SubscriptionChange } from './subscriptions.ts';

/** How long a site is reminded and warned before it is suspended. */
export type DunningTerms = Pick<BillingSettings, 'pastDueDays' | 'graceDays'>;

/** A site whose standing is to change. */
export interface StandingDue {
  readonly creatorId: string;
  readonly site: string;
  readonly from: Standing;
  readonly to: Standing;
  /** What the site's `state` is to be then. */
  readonly wanted: WantedSiteState;
}

const actor = 'billing';

/**
 * The next standing of a subscription: past due as soon as an invoice is, grace after `pastDueDays` of that, suspended
 * after `graceDays` of that, and good again when nothing is overdue. One step at a time, each with its own time from when it
 * was noted, so that a worker that was away takes no day of warning from anybody. Nothing is ever deleted.
 *
 * @returns undefined where nothing is to change
 */
export function nextStanding(
  { lifecycle, standing, standingSince }: Pick<SubscriptionEvent, 'lifecycle' | 'standing' | 'standingSince'>,
  overdue: boolean,
  terms: DunningTerms,
  now: Date,
): Standing | undefined {
  if (lifecycle === 'cancelled') return undefined;
  if (!overdue) return standing === 'good' ? undefined : 'good';
  if (standing === 'good') return 'past-due';
  if (standing === 'past-due') return now >= addDays(standingSince, terms.pastDueDays) ? 'grace' : undefined;
  if (standing === 'grace') return now >= addDays(standingSince, terms.graceDays) ? 'suspended' : undefined;
  return undefined;
}

/** Which sites' standing is to change now, for better or worse. Reads only; in the scope of the fleet. */
export async function suspensionsDue(db: Transaction, terms: DunningTerms, now: Date): Promise<StandingDue[]> {
  const overdue = await overdueCreators(db, now);
  const noted: string[] = await db('subscription_events').whereNot({ standing: 'good' }).distinct().pluck('creator_id');
  return standingsDue(db, [...new Set([...overdue, ...noted])].sort(), new Set(overdue), terms, now);
}

/**
 * Brings the standing of a creator's sites to where their invoices put it: after a payment, or when the worker comes by.
 * Repeating it changes nothing more at the same moment's terms.
 *
 * @returns what changed; `wanted` is what the site's `state` is to be
 */
export async function settleStanding(
  db: Transaction,
  creatorId: string,
  terms: DunningTerms,
  now: Date,
): Promise<SubscriptionChange[]> {
  await lockAccount(db, creatorId);
  const overdue = new Set(await overdueCreators(db, now, creatorId));
  const changes: SubscriptionChange[] = [];
  for (const { site, to } of await standingsDue(db, [creatorId], overdue, terms, now)) {
    changes.push(await changeStanding(db, { site, standing: to, actor }, now));
  }
  return changes.filter(({ changed }) => changed);
}

/** {@link settleStanding} for every creator who is due, each in a transaction of its own; one that fails keeps nobody. */
export async function settleStandings(platform: PlatformDatabase, terms: DunningTerms, now: Date) {
  const due = await platform.asFleet((db) => suspensionsDue(db, terms, now));
  const changes: SubscriptionChange[] = [];
  const failures: { readonly creatorId: string; readonly error: unknown }[] = [];
  for (const creatorId of new Set(due.map((one) => one.creatorId))) {
    try {
      changes.push(...(await platform.asFleet((db) => settleStanding(db, creatorId, terms, now))));
    } catch (error) {
      failures.push({ creatorId, error });
    }
  }
  return { changes, failures };
}

async function standingsDue(
  db: Transaction,
  creatorIds: readonly string[],
  overdue: ReadonlySet<string>,
  terms: DunningTerms,
  now: Date,
): Promise<StandingDue[]> {
  const subscriptions = creatorIds.length === 0 ? [] : await lastEvents(db, creatorIds);
  return subscriptions.flatMap((subscription) => {
    const { creatorId, site, standing: from } = subscription;
    const to = nextStanding(subscription, overdue.has(creatorId), terms, now);
    return to === undefined
      ? []
      : [{ creatorId, site, from, to, wanted: wantedSiteState({ ...subscription, standing: to }) }];
  });
}

async function overdueCreators(db: Transaction, now: Date, creatorId?: string): Promise<string[]> {
  return db('invoice_balances')
    .modify((query) => creatorId !== undefined && query.where({ creator_id: creatorId }))
    .where('balance', '>', 0)
    .where('due_at', '<', now)
    .distinct()
    .pluck('creator_id');
}
