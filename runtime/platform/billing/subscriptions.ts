import type { Transaction } from '../database/connection.ts';
import { lockAccount, openAccount } from './accounts.ts';
import { lastClosing } from './closings.ts';
import { BillingError } from './errors.ts';
import { appendEvent, type Cause, lastEvent, lastEvents } from './events.ts';
import { addDays, fromSeconds, periodEnd, toSeconds } from './period.ts';
import { currentPrice } from './price-list.ts';
import {
  cancelled,
  paused,
  planChanged,
  requirePaidUp,
  resumed,
  type Standing,
  type SubscriptionEvent,
  type SubscriptionEventType,
  type SubscriptionState,
  standingChanged,
  started,
  type WantedSiteState,
  wantedSiteState,
} from './subscription.ts';

/** What an action did to a site's subscription. */
export interface SubscriptionChange {
  readonly site: string;
  readonly creatorId: string;
  /** False where it was so already: an action that is repeated does nothing. */
  readonly changed: boolean;
  readonly before: SubscriptionState | undefined;
  readonly after: SubscriptionState;
  /** What the site's `state` is to be. */
  readonly wanted: WantedSiteState;
}

export interface StartOptions extends Cause {
  readonly creatorId: string;
  /** Slug of a registered site of that creator. */
  readonly site: string;
  readonly plan: string;
  /** @default EUR */
  readonly currency?: string;
  /** Whether a site's first subscription begins with the plan's trial. @default true */
  readonly trial?: boolean;
  /** Whether a creator may start it who owes for an overdue invoice: where the site runs already. @default false */
  readonly despiteDebt?: boolean;
}

/**
 * Starts a site's subscription, at once. Repeated for the same plan it does nothing.
 *
 * @throws BillingError where the site has another one, is not the creator's, or an invoice of theirs is overdue
 */
export async function startSubscription(
  db: Transaction,
  options: StartOptions,
  now: Date,
): Promise<SubscriptionChange> {
  const { creatorId, site, plan, currency = 'EUR', trial = true, despiteDebt = false } = options;
  await openAccount(db, creatorId, now);
  await lockAccount(db, creatorId);
  const owned = await db('sites').where({ slug: site, creator_id: creatorId }).first('slug');
  if (owned === undefined) throw new BillingError('not-found', `the creator has no site ${site}`, 'register it first');
  const before = await lastEvent(db, site);
  if (before?.creatorId === creatorId && before.lifecycle !== 'cancelled' && before.plan === plan) {
    return unchanged(before);
  }
  if (!despiteDebt) await requireNothingOverdue(db, creatorId, now);
  const price = await currentPrice(db, plan, currency);
  const at = await momentFor(db, creatorId, before, now);
  const trialEndsAt = trial && before === undefined && price.trialDays > 0 ? addDays(at, price.trialDays) : null;
  const state = started(before, price, trialEndsAt, at);
  return append(db, { ...state, creatorId, site, type: 'started', at }, before, options);
}

/**
 * Changes the plan from this second on, or takes the newest price of the same plan. The month is charged by the second at
 * each price. A trial keeps its end.
 */
export function changePlan(
  db: Transaction,
  { site, plan, ...cause }: Cause & { readonly site: string; readonly plan: string },
  now: Date,
): Promise<SubscriptionChange> {
  return act(db, site, 'plan-changed', cause, now, async (before) =>
    planChanged(before, await currentPrice(db, plan, before.currency)),
  );
}

/** Pauses the subscription: nothing is charged until it is resumed, and the site shows a maintenance page. */
export function pauseSubscription(db: Transaction, options: Cause & { readonly site: string }, now: Date) {
  return act(db, options.site, 'paused', options, now, paused);
}

/** @throws BillingError where unpaid invoices have suspended the site */
export function resumeSubscription(db: Transaction, options: Cause & { readonly site: string }, now: Date) {
  return act(db, options.site, 'resumed', options, now, resumed);
}

/** Ends the subscription at once; what was used until then is on the month's invoice. Nothing is deleted. */
export function cancelSubscription(db: Transaction, options: Cause & { readonly site: string }, now: Date) {
  return act(db, options.site, 'cancelled', options, now, cancelled);
}

/** Notes what unpaid invoices, or their payment, did to a site. */
export function changeStanding(
  db: Transaction,
  { site, standing, ...cause }: Cause & { readonly site: string; readonly standing: Standing },
  now: Date,
): Promise<SubscriptionChange> {
  return act(db, site, 'standing-changed', cause, now, (before, at) => standingChanged(before, standing, at));
}

/**
 * Moves a site's subscription to another creator, who pays from this second on, at the same price and in the same trial.
 * In the scope of the fleet. Repeated, it does nothing.
 *
 * @throws BillingError where unpaid invoices have suspended the site, or it has no subscription
 */
export async function handOverSubscription(
  db: Transaction,
  { site, to, ...cause }: Cause & { readonly site: string; readonly to: string },
  now: Date,
): Promise<SubscriptionChange> {
  await openAccount(db, to, now);
  const seen = await requireSubscription(db, site);
  // In one order, whichever way two sites go.
  for (const creatorId of [...new Set([seen.creatorId, to])].sort()) await lockAccount(db, creatorId);
  const before = await requireSubscription(db, site);
  if (before.creatorId === to) return unchanged(before);
  if (before.creatorId !== seen.creatorId)
    throw new BillingError('not-allowed', 'the site is being handed over already');
  requirePaidUp(before);
  const end = cancelled(before);
  if (end === undefined) throw new BillingError('not-allowed', `the subscription of ${site} is cancelled`);
  const at = later(await momentFor(db, before.creatorId, before, now), await momentFor(db, to, undefined, now));
  await append(db, { ...end, creatorId: before.creatorId, site, type: 'handed-over', at }, before, cause);
  const taken: SubscriptionState = { ...before, standing: 'good', standingSince: at };
  return append(db, { ...taken, creatorId: to, site, type: 'taken-over', at }, before, cause);
}

/** What a site's subscription is, as far as the scope shows it. */
export async function findSubscription(db: Transaction, site: string): Promise<SubscriptionEvent | undefined> {
  return lastEvent(db, site);
}

/** What the subscription of every site in scope is; `at` and `type` tell its last event. */
export async function listSubscriptions(db: Transaction, creatorId?: string): Promise<SubscriptionEvent[]> {
  return lastEvents(db, creatorId === undefined ? undefined : [creatorId]);
}

async function act(
  db: Transaction,
  site: string,
  type: SubscriptionEventType,
  cause: Cause,
  now: Date,
  decide: (
    before: SubscriptionEvent,
    at: Date,
  ) => SubscriptionState | undefined | Promise<SubscriptionState | undefined>,
): Promise<SubscriptionChange> {
  const seen = await requireSubscription(db, site);
  await lockAccount(db, seen.creatorId);
  // Another transaction may have changed it before the lock was ours.
  const before = await requireSubscription(db, site);
  if (before.creatorId !== seen.creatorId) throw new BillingError('not-allowed', 'the site was handed over meanwhile');
  const at = await momentFor(db, before.creatorId, before, now);
  const state = await decide(before, at);
  if (state === undefined) return unchanged(before);
  return append(db, { ...state, creatorId: before.creatorId, site, type, at }, before, cause);
}

async function append(
  db: Transaction,
  event: Omit<SubscriptionEvent, 'record'>,
  before: SubscriptionState | undefined,
  cause: Cause,
): Promise<SubscriptionChange> {
  const after = await appendEvent(db, event, cause);
  const { site, creatorId } = after;
  return { site, creatorId, changed: true, before, after, wanted: wantedSiteState(after) };
}

function unchanged(event: SubscriptionEvent): SubscriptionChange {
  const { site, creatorId } = event;
  return { site, creatorId, changed: false, before: event, after: event, wanted: wantedSiteState(event) };
}

async function requireSubscription(db: Transaction, site: string): Promise<SubscriptionEvent> {
  const event = await lastEvent(db, site);
  if (event !== undefined) return event;
  throw new BillingError('not-found', `the site ${site} has no subscription`);
}

/** Now in whole seconds, but never before the event it follows nor in a month that was closed, wherever the clocks stand. */
async function momentFor(
  db: Transaction,
  creatorId: string,
  before: SubscriptionEvent | undefined,
  now: Date,
): Promise<Date> {
  const closing = await lastClosing(db, creatorId);
  const open = closing === undefined ? new Date(0) : fromSeconds(periodEnd(closing.period));
  return later(fromSeconds(toSeconds(now)), before?.at ?? open, open);
}

async function requireNothingOverdue(db: Transaction, creatorId: string, now: Date): Promise<void> {
  const overdue = await db('invoice_balances')
    .where({ creator_id: creatorId })
    .where('balance', '>', 0)
    .where('due_at', '<', now)
    .first('invoice_id');
  if (overdue === undefined) return;
  throw new BillingError('not-allowed', 'an invoice of the account is overdue', 'pay it first');
}

function later(...moments: readonly Date[]): Date {
  return new Date(Math.max(...moments.map((moment) => moment.getTime())));
}
