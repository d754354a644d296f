import type { Transaction } from '../database/connection.ts';
import { BillingError } from './errors.ts';
import { requireCurrency } from './money.ts';

/** A creator's account: who collects from them. */
export interface BillingAccount {
  readonly creatorId: string;
  /** Number of the newest record that invoices are computed from. */
  readonly lastRecord: number;
  readonly driver: 'manual' | 'stripe';
  /** Who the creator is to the driver, such as Stripe's customer. */
  readonly driverCustomer: string | null;
  readonly openedAt: Date;
}

/** Who an invoice is made out to, and how it is taxed. */
export interface BillingDetails {
  readonly name: string;
  /** Lines of the address, without the country. */
  readonly address: readonly string[];
  /** ISO 3166-1 alpha-2. */
  readonly country: string;
  readonly taxId: string | null;
  /** Rate in hundredths of a percent. */
  readonly taxBasisPoints: number;
  /** The recipient accounts for the tax, so that the invoice has none. */
  readonly reverseCharge: boolean;
}

interface AccountRow {
  readonly creator_id: string;
  readonly last_record: number;
  readonly driver: BillingAccount['driver'];
  readonly driver_customer: string | null;
  readonly opened_at: Date;
}

/** Opens the account where there is none. */
export async function openAccount(db: Transaction, creatorId: string, now: Date): Promise<void> {
  await db('billing_accounts').insert({ creator_id: creatorId, opened_at: now }).onConflict('creator_id').ignore();
}

/** The account, unlocked; undefined where none was opened. */
export async function findAccount(db: Transaction, creatorId: string): Promise<BillingAccount | undefined> {
  const row = await db<AccountRow>('billing_accounts').where({ creator_id: creatorId }).first();
  return row && fromRow(row);
}

/**
 * Locks the account until the transaction ends: no record joins it meanwhile, and those up to its last number are there to
 * be seen. Whoever locks more than one account, or an account and a counter, takes accounts first, by their id.
 *
 * @throws BillingError where none was opened
 */
export async function lockAccount(db: Transaction, creatorId: string): Promise<BillingAccount> {
  const row = await db<AccountRow>('billing_accounts').where({ creator_id: creatorId }).forUpdate().first();
  if (row !== undefined) return fromRow(row);
  throw new BillingError('not-found', 'the creator has no billing account', 'start a subscription first');
}

/** Says who collects from the creator from now on. */
export async function setDriver(
  db: Transaction,
  creatorId: string,
  driver: BillingAccount['driver'],
  driverCustomer: string | null,
): Promise<void> {
  await db('billing_accounts').where({ creator_id: creatorId }).update({ driver, driver_customer: driverCustomer });
}

/**
 * Records who the creator's invoices are made out to from the next closing on. What was issued keeps what it says.
 *
 * @returns whether that changed anything
 * @throws BillingError where the details cannot stand on an invoice
 */
export async function setBillingDetails(
  db: Transaction,
  creatorId: string,
  details: BillingDetails,
  now: Date,
): Promise<boolean> {
  requireDetails(details);
  await openAccount(db, creatorId, now);
  const { lastRecord } = await lockAccount(db, creatorId);
  const before = await billingDetails(db, creatorId, lastRecord);
  if (before !== undefined && JSON.stringify(before) === JSON.stringify(normalised(details))) return false;
  const { name, address, country, taxId, taxBasisPoints, reverseCharge } = details;
  await db('billing_details').insert({
    creator_id: creatorId,
    at: now,
    name,
    address: [...address],
    country,
    tax_id: taxId,
    tax_basis_points: taxBasisPoints,
    reverse_charge: reverseCharge,
  });
  return true;
}

/** The details as they stood when `through` was the newest record; undefined where there were none yet. */
export async function billingDetails(
  db: Transaction,
  creatorId: string,
  through: number,
): Promise<BillingDetails | undefined> {
  const row = await db('billing_details')
    .where({ creator_id: creatorId })
    .where('record', '<=', through)
    .orderBy('record', 'desc')
    .first();
  if (row === undefined) return undefined;
  const {
    name,
    address,
    country,
    tax_id: taxId,
    tax_basis_points: taxBasisPoints,
    reverse_charge: reverseCharge,
  } = row;
  return normalised({ name, address, country, taxId, taxBasisPoints, reverseCharge });
}

export interface CreditGrant {
  readonly creatorId: string;
  readonly amount: number;
  readonly currency: string;
  readonly reason: string;
  /** Who grants it. */
  readonly actor: string;
  /** What makes a repeated call the same grant. */
  readonly key: string;
}

/**
 * Gives a creator credit, which the next invoices in that currency use up before tax.
 *
 * @returns whether that changed anything; not where the key was used before
 */
export async function grantCredit(db: Transaction, grant: CreditGrant, now: Date): Promise<boolean> {
  const { creatorId, amount, reason, actor, key } = grant;
  if (!Number.isSafeInteger(amount) || amount <= 0) {
    throw new BillingError('invalid', `expected a credit above nothing, in whole minor units; got ${amount}`);
  }
  const currency = requireCurrency(grant.currency);
  await openAccount(db, creatorId, now);
  const added = await db('credits')
    .insert({ creator_id: creatorId, amount, currency, reason, actor, key, at: now })
    .onConflict(['creator_id', 'key'])
    .ignore()
    .returning('record');
  return added.length > 0;
}

function requireDetails(details: BillingDetails): void {
  const { name, country, taxId, taxBasisPoints, reverseCharge } = details;
  const problems = [
    ...(name.trim() === '' ? ['a name is needed'] : []),
    ...(/^[A-Z]{2}$/.test(country) ? [] : ['the country is to be two letters such as DE']),
    ...(Number.isInteger(taxBasisPoints) && taxBasisPoints >= 0 && taxBasisPoints <= 10_000
      ? []
      : ['the tax rate is to be from 0 to 10,000 basis points']),
    ...(reverseCharge && (taxId ?? '').trim() === '' ? ['reverse charge needs a tax id'] : []),
  ];
  if (problems.length > 0) throw new BillingError('invalid', problems.join('; '));
}

function normalised({ name, address, country, taxId, taxBasisPoints, reverseCharge }: BillingDetails): BillingDetails {
  return { name, address: [...address], country, taxId, taxBasisPoints, reverseCharge };
}

function fromRow(row: AccountRow): BillingAccount {
  return {
    creatorId: row.creator_id,
    lastRecord: row.last_record,
    driver: row.driver,
    driverCustomer: row.driver_customer,
    openedAt: row.opened_at,
  };
}
