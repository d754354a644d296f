import type { Transaction } from '../database/connection.ts';
import type { SubscriptionEvent, SubscriptionState } from './subscription.ts';

/** A row of `subscription_events`. */
interface EventRow {
  readonly id: number;
  readonly creator_id: string;
  readonly record: number;
  readonly site: string;
  readonly type: SubscriptionEvent['type'];
  readonly at: Date;
  readonly plan: string;
  readonly currency: string;
  readonly price_version: number;
  readonly lifecycle: SubscriptionState['lifecycle'];
  readonly trial_ends_at: Date | null;
  readonly standing: SubscriptionState['standing'];
  readonly standing_since: Date;
  readonly actor: string;
  readonly reason: string | null;
}

/** Who did something to a subscription, and why. */
export interface Cause {
  /** E-mail of the person, or the name of the part of the platform. */
  readonly actor: string;
  readonly reason?: string;
}

/** All events of a creator up to a record, in the order they were recorded. */
export async function creatorEvents(db: Transaction, creatorId: string, through: number): Promise<SubscriptionEvent[]> {
  const rows = await db<EventRow>('subscription_events')
    .where({ creator_id: creatorId })
    .where('record', '<=', through)
    .orderBy('record');
  return rows.map(toEvent);
}

/** All events of some sites, whoever they belonged to, in the order they were recorded. */
export async function siteEvents(db: Transaction, sites: readonly string[]): Promise<SubscriptionEvent[]> {
  const rows = await db<EventRow>('subscription_events').whereIn('site', sites).orderBy('id');
  return rows.map(toEvent);
}

/** The last event of a site that the transaction's scope shows, which says what its subscription is. */
export async function lastEvent(db: Transaction, site: string): Promise<SubscriptionEvent | undefined> {
  const row = await db<EventRow>('subscription_events').where({ site }).orderBy('id', 'desc').first();
  return row && toEvent(row);
}

/** The last event of every site in scope. @param creatorIds only these creators' @default all in scope */
export async function lastEvents(db: Transaction, creatorIds?: readonly string[]): Promise<SubscriptionEvent[]> {
  const rows: EventRow[] = await db<EventRow>('subscription_events')
    .distinctOn('site')
    .modify((query) => creatorIds && query.whereIn('creator_id', creatorIds))
    .orderBy(['site', { column: 'id', order: 'desc' }]);
  return rows.map(toEvent);
}

/** Adds an event. The caller holds the account's lock and has read the event that this one follows. */
export async function appendEvent(
  db: Transaction,
  event: Omit<SubscriptionEvent, 'record'>,
  { actor, reason = undefined }: Cause,
): Promise<SubscriptionEvent> {
  const [row]: EventRow[] = await db('subscription_events')
    .insert({
      creator_id: event.creatorId,
      site: event.site,
      type: event.type,
      at: event.at,
      plan: event.plan,
      currency: event.currency,
      price_version: event.priceVersion,
      lifecycle: event.lifecycle,
      trial_ends_at: event.trialEndsAt,
      standing: event.standing,
      standing_since: event.standingSince,
      actor,
      reason,
    })
    .returning('*');
  if (row === undefined) throw new Error('an inserted event did not come back');
  return toEvent(row);
}

function toEvent(row: EventRow): SubscriptionEvent {
  return {
    record: row.record,
    creatorId: row.creator_id,
    site: row.site,
    type: row.type,
    at: row.at,
    plan: row.plan,
    currency: row.currency,
    priceVersion: row.price_version,
    lifecycle: row.lifecycle,
    trialEndsAt: row.trial_ends_at,
    standing: row.standing,
    standingSince: row.standing_since,
  };
}
