import type { Transaction } from '../database/connection.ts';
import type { Metric } from './charge.ts';
import { BillingError } from './errors.ts';
import { siteEvents } from './events.ts';
import { requireCurrency } from './money.ts';
import { lastSecondOf, toSeconds } from './period.ts';
import type { SubscriptionEvent } from './subscription.ts';

/** What was measured of a site on a day. */
export interface Usage {
  readonly site: string;
  readonly metric: Metric;
  /** `YYYY-MM-DD`, in UTC. */
  readonly day: string;
  /** Members and seats counted, bytes of storage, e-mails sent, or revenue in the currency's minor unit (ISO 4217). */
  readonly quantity: number;
  /** That of the revenue. @default none */
  readonly currency?: string;
  /**
   * Who measured it, such as `analytics`, or `correction:<reference>` for a difference, which may be negative. With site,
   * metric, day and currency it makes a record the same one.
   */
  readonly source: string;
}

/** What became of recorded usage. */
export interface RecordedUsage {
  readonly added: readonly Usage[];
  /** What was recorded before with the very same quantity. */
  readonly known: readonly Usage[];
  /** What was recorded before with another quantity, which stays: send the difference as a correction. */
  readonly conflicting: readonly Usage[];
  /** What no subscription has ever begun to pay for on that day. */
  readonly unowned: readonly Usage[];
}

const chunkSize = 1_000;

/**
 * Records usage, each to the creator whose the site's subscription was at the day's end. Repeating it changes nothing;
 * usage of a month that is closed already becomes a correction on the next invoice. In the scope of the fleet.
 *
 * @throws BillingError where a record cannot be one
 */
export async function recordUsage(db: Transaction, usage: readonly Usage[], now: Date): Promise<RecordedUsage> {
  for (const one of usage) requireUsage(one);
  const distinct = new Map(usage.map((one) => [keyOf(one), one]));
  const owners = await findOwners(db, [...distinct.values()]);
  const owned = [...distinct.values()]
    .filter((one) => owners.has(keyOf(one)))
    // The order in which every transaction locks accounts.
    .sort((a, b) => compare(owners.get(keyOf(a)) ?? '', owners.get(keyOf(b)) ?? ''));
  // What is known already is left alone, so that a repeated call locks and writes nothing.
  const before = await recordedQuantities(db, owned);
  const added: Usage[] = [];
  const left = owned.filter((one) => before.has(keyOf(one)));
  const missing = owned.filter((one) => !before.has(keyOf(one)));
  for (const chunk of chunked(missing)) {
    const keys = await insert(db, chunk, owners, now);
    for (const one of chunk) (keys.has(keyOf(one)) ? added : left).push(one);
  }
  const recorded = added.length < missing.length ? await recordedQuantities(db, left) : before;
  return {
    added,
    known: left.filter((one) => recorded.get(keyOf(one)) === one.quantity),
    conflicting: left.filter((one) => recorded.get(keyOf(one)) !== one.quantity),
    unowned: [...distinct.values()].filter((one) => !owners.has(keyOf(one))),
  };
}

async function insert(
  db: Transaction,
  usage: readonly Usage[],
  owners: ReadonlyMap<string, string>,
  now: Date,
): Promise<Set<string>> {
  const rows: Row[] = await db('usage_records')
    .insert(
      usage.map((one) => ({
        creator_id: owners.get(keyOf(one)),
        site: one.site,
        metric: one.metric,
        day: one.day,
        currency: one.currency ?? null,
        quantity: one.quantity,
        source: one.source,
        recorded_at: now,
      })),
    )
    .onConflict()
    .ignore()
    .returning(['site', 'metric', 'day', 'currency', 'source', 'quantity']);
  return new Set(rows.map(keyOf));
}

type Row = Omit<Usage, 'currency'> & { readonly currency: string | null };

async function recordedQuantities(db: Transaction, usage: readonly Usage[]): Promise<Map<string, number>> {
  const recorded = new Map<string, number>();
  for (const chunk of chunked(usage)) {
    const rows: Row[] = await db('usage_records')
      .whereIn(
        ['site', 'metric', 'day', 'source'],
        chunk.map(({ site, metric, day, source }) => [site, metric, day, source]),
      )
      .select('site', 'metric', 'day', 'currency', 'source', 'quantity');
    for (const row of rows) recorded.set(keyOf(row), row.quantity);
  }
  return recorded;
}

/** Who had each site's subscription in the last second of the day, by the usage's key. */
async function findOwners(db: Transaction, usage: readonly Usage[]): Promise<Map<string, string>> {
  const events = Map.groupBy(await siteEvents(db, [...new Set(usage.map(({ site }) => site))]), ({ site }) => site);
  const owners = new Map<string, string>();
  for (const one of usage) {
    const owner = ownerOn(events.get(one.site) ?? [], one.day);
    if (owner !== undefined) owners.set(keyOf(one), owner);
  }
  return owners;
}

function ownerOn(events: readonly SubscriptionEvent[], day: string): string | undefined {
  const last = lastSecondOf(day);
  return events.findLast(({ at }) => toSeconds(at) <= last)?.creatorId;
}

function requireUsage({ metric, day, quantity, currency, source }: Usage): void {
  const problems = [
    ...(isDay(day) ? [] : ['a day such as 2026-03-14']),
    ...(Number.isSafeInteger(quantity) ? [] : ['a whole quantity']),
    ...(quantity >= 0 || metric === 'revenue' || source.startsWith('correction:')
      ? []
      : ['a source correction:… for less']),
    ...((metric === 'revenue') === (currency !== undefined) ? [] : ['a currency for revenue, and for nothing else']),
  ];
  if (problems.length > 0) {
    throw new BillingError('invalid', `usage of ${metric} on ${day}: expected ${problems.join(', ')}`);
  }
  if (currency !== undefined) requireCurrency(currency);
}

function chunked<T>(items: readonly T[]): T[][] {
  const count = Math.ceil(items.length / chunkSize);
  return Array.from({ length: count }, (_, index) => items.slice(index * chunkSize, (index + 1) * chunkSize));
}

/** A day that there is: `Date` takes the 31st of February for the 3rd of March. */
function isDay(text: string): boolean {
  const time = /^\d{4}-\d{2}-\d{2}$/.test(text) ? Date.parse(`${text}T00:00:00Z`) : Number.NaN;
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(text);
}

function keyOf(row: Row | Usage): string {
  return [row.site, row.metric, row.day, row.currency ?? '', row.source].join(' ');
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
