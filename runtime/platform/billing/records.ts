import type { Transaction } from '../database/connection.ts';
import { billingDetails } from './accounts.ts';
import type { UsageRecord } from './charge.ts';
import { creatorEvents } from './events.ts';
import type { ClosingRecords } from './invoice-draft.ts';
import type { Period } from './period.ts';
import { loadPriceList } from './price-list.ts';

/**
 * Reads what a creator's invoices of one month are made of, as it stood at record `through`.
 *
 * @param previous last record that the closing before counted, 0 where there was none
 */
export async function loadClosingRecords(
  db: Transaction,
  creatorId: string,
  period: Period,
  through: number,
  previous: number,
): Promise<ClosingRecords> {
  const details = await billingDetails(db, creatorId, through);
  return {
    period,
    through,
    previous,
    events: await creatorEvents(db, creatorId, through),
    usage: await usageOf(db, creatorId, await touchedPeriods(db, creatorId, period, through, previous), through),
    prices: await loadPriceList(db),
    creditBalances: await creditBalances(db, creatorId, period, through),
    tax: { basisPoints: details?.taxBasisPoints ?? 0, reverseCharge: details?.reverseCharge ?? false },
  };
}

/** The month, and those before it for which a record came after they were closed. */
async function touchedPeriods(
  db: Transaction,
  creatorId: string,
  period: Period,
  through: number,
  previous: number,
): Promise<Period[]> {
  const late: { period: Period }[] = await db('usage_records')
    .where({ creator_id: creatorId })
    .where('record', '>', previous)
    .where('record', '<=', through)
    .where('day', '<', `${period}-01`)
    .distinct(db.raw("to_char(day, 'YYYY-MM') as period"));
  return [...late.map((row) => row.period).sort(), period];
}

async function usageOf(
  db: Transaction,
  creatorId: string,
  periods: readonly Period[],
  through: number,
): Promise<UsageRecord[]> {
  return db('usage_records')
    .where({ creator_id: creatorId })
    .where('record', '<=', through)
    .where((inner) => {
      for (const period of periods) {
        inner.orWhereRaw("(day >= ?::date and day < ?::date + interval '1 month')", [`${period}-01`, `${period}-01`]);
      }
    })
    .orderBy('record')
    .select('record', 'site', 'metric', 'day', 'currency', 'quantity');
}

/** What was granted, less what earlier invoices used, and more what they kept. */
async function creditBalances(
  db: Transaction,
  creatorId: string,
  period: Period,
  through: number,
): Promise<Map<string, number>> {
  const { rows } = await db.raw<{ rows: { currency: string; balance: number }[] }>(
    `select currency, sum(amount)::bigint as balance from (
      select currency, amount from credits where creator_id = :creatorId and record <= :through
      union all
      select i.currency, l.amount from invoice_lines l join invoices i on i.id = l.invoice_id
        where l.creator_id = :creatorId and l.kind = 'credit' and i.period < :period
    ) both_sides group by currency`,
    { creatorId, period, through },
  );
  return new Map(rows.map(({ currency, balance }) => [currency, balance]));
}
