import { isDeepStrictEqual } from 'node:util';
import type { Knex } from 'knex';
import type { Plan } from '../../../sites/plans.ts';
import { BillingError } from './errors.ts';
import { type Price, PriceList, pricesOf } from './price.ts';

interface PriceRow {
  readonly plan: string;
  readonly currency: string;
  readonly version: number;
  readonly title: string;
  readonly monthly: number;
  readonly included_members: number;
  readonly included_storage_gib: number;
  readonly included_emails: number;
  readonly included_staff: number;
  readonly per_1000_members: number;
  readonly per_gib: number;
  readonly per_1000_emails: number;
  readonly per_staff_seat: number;
  readonly revenue_share_basis_points: number;
  readonly trial_days: number;
}

/**
 * Puts a new version of each price that differs from its last one into the price list, as the tables' owner: the
 * application role only reads it. Old versions stay for what was sold at them. One at a time, as the migrator does it.
 *
 * @returns the versions that are new
 */
export async function syncPlanPrices(
  db: Knex,
  plans: Readonly<Record<string, Plan>>,
  now: Date,
): Promise<readonly Price[]> {
  const latest = new Map((await latestPrices(db)).map((price) => [`${price.plan} ${price.currency}`, price]));
  const added = Object.entries(plans)
    .flatMap(([key, plan]) => pricesOf(key, plan))
    .flatMap((price) => {
      const last = latest.get(`${price.plan} ${price.currency}`);
      const version = last?.version ?? 0;
      return last !== undefined && isDeepStrictEqual({ ...price, version }, last)
        ? []
        : [{ ...price, version: version + 1 }];
    });
  if (added.length > 0) await db('plan_prices').insert(added.map((price) => toRow(price, now)));
  return added;
}

/** What the plans cost now, a version for each plan and currency. */
export async function latestPrices(db: Knex): Promise<Price[]> {
  const rows = await db<PriceRow>('plan_prices')
    .distinctOn('plan', 'currency')
    .orderBy(['plan', 'currency', { column: 'version', order: 'desc' }]);
  return rows.map(fromRow);
}

/** Every version of every price. */
export async function loadPriceList(db: Knex): Promise<PriceList> {
  return new PriceList((await db<PriceRow>('plan_prices')).map(fromRow));
}

/**
 * The price that a plan is sold at now.
 *
 * @throws BillingError where the plan has no price in that currency
 */
export async function currentPrice(db: Knex, plan: string, currency: string): Promise<Price> {
  const row = await db<PriceRow>('plan_prices').where({ plan, currency }).orderBy('version', 'desc').first();
  if (row !== undefined) return fromRow(row);
  throw new BillingError('not-found', `the plan ${plan} has no price in ${currency}`);
}

function fromRow(row: PriceRow): Price {
  const { plan, currency, version, title, monthly } = row;
  return {
    plan,
    currency,
    title,
    monthly,
    included: {
      members: row.included_members,
      storageGiB: row.included_storage_gib,
      emails: row.included_emails,
      staff: row.included_staff,
    },
    overage: {
      per1000Members: row.per_1000_members,
      perGiB: row.per_gib,
      per1000Emails: row.per_1000_emails,
      perStaffSeat: row.per_staff_seat,
    },
    revenueShareBasisPoints: row.revenue_share_basis_points,
    trialDays: row.trial_days,
    version,
  };
}

function toRow(price: Price, validFrom: Date): PriceRow & { valid_from: Date } {
  const { plan, currency, version, title, monthly, included, overage } = price;
  return {
    plan,
    currency,
    version,
    title,
    monthly,
    included_members: included.members,
    included_storage_gib: included.storageGiB,
    included_emails: included.emails,
    included_staff: included.staff,
    per_1000_members: overage.per1000Members,
    per_gib: overage.perGiB,
    per_1000_emails: overage.per1000Emails,
    per_staff_seat: overage.perStaffSeat,
    revenue_share_basis_points: price.revenueShareBasisPoints,
    trial_days: price.trialDays,
    valid_from: validFrom,
  };
}
