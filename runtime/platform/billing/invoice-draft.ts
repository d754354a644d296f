import type { Charge, UsageRecord } from './charge.ts';
import { chargesOf } from './charges.ts';
import { formatMoney, shareOf, sumAmounts } from './money.ts';
import { fromSeconds, type Period, periodEnd, periodOf, periodStart } from './period.ts';
import type { PriceList } from './price.ts';
import type { SubscriptionEvent } from './subscription.ts';

/** Everything that a creator's invoices of one month are made of. */
export interface ClosingRecords {
  readonly period: Period;
  /** Records up to this number count; later ones are the next month's corrections. */
  readonly through: number;
  /** The same of the month closed before it, 0 where this is the first. */
  readonly previous: number;
  readonly events: readonly SubscriptionEvent[];
  /** That of this month, and of each month for which a record came late. */
  readonly usage: readonly UsageRecord[];
  readonly prices: PriceList;
  /** What the creator has to their credit before this month, by currency. */
  readonly creditBalances: ReadonlyMap<string, number>;
  readonly tax: TaxTerms;
}

/** How an invoice is taxed. */
export interface TaxTerms {
  readonly basisPoints: number;
  /** The recipient accounts for the tax: the invoice has none and says so. */
  readonly reverseCharge: boolean;
}

/** A line of an invoice. */
export interface InvoiceLine {
  readonly position: number;
  readonly kind: Charge['kind'] | 'correction' | 'credit';
  readonly site: string | null;
  readonly metric: Charge['metric'];
  readonly plan: string | null;
  readonly priceVersion: number | null;
  readonly period: Period;
  readonly from: Date;
  readonly to: Date;
  readonly quantity: number;
  readonly unitAmount: number | null;
  readonly amount: number;
  readonly description: string;
}

/** An invoice before it has a number: what the records alone decide. */
export interface InvoiceDraft {
  readonly period: Period;
  readonly currency: string;
  readonly lines: readonly InvoiceLine[];
  /** Sum of the lines. */
  readonly net: number;
  readonly taxBasisPoints: number;
  readonly tax: number;
  readonly total: number;
  readonly reverseCharge: boolean;
}

type UnplacedLine = Omit<InvoiceLine, 'position'>;

/**
 * The invoices of a creator's month, one a currency in which something was charged: what the month cost, what late records
 * changed in the cost of earlier months, and the creator's credit as far as it reaches. A month whose sum is negative pays
 * into the credit, so that no invoice asks for less than nothing. Tax is rounded once, on the net.
 *
 * It reads nothing but its arguments: the same records give the same lines for ever.
 */
export function draftInvoices(records: ClosingRecords): InvoiceDraft[] {
  const counted = records.usage.filter(({ record }) => record <= records.through);
  const lines = [
    ...chargesOf(records.period, records.events, counted, records.prices),
    ...corrections(records, counted),
  ];
  const byCurrency = Map.groupBy(lines, ({ currency }) => currency);
  return [...byCurrency]
    .filter(([, ofCurrency]) => ofCurrency.some(({ amount }) => amount !== 0))
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([currency, ofCurrency]) =>
      draft(
        records,
        currency,
        ofCurrency.map(({ currency: _, ...line }) => line),
      ),
    );
}

function draft(records: ClosingRecords, currency: string, charged: readonly UnplacedLine[]): InvoiceDraft {
  const { period, tax: terms } = records;
  const subtotal = sumAmounts(charged.map(({ amount }) => amount));
  const credit = creditLine(period, currency, subtotal, records.creditBalances.get(currency) ?? 0);
  const lines = [...charged, ...credit].map((line, index) => ({ ...line, position: index + 1 }));
  const net = sumAmounts(lines.map(({ amount }) => amount));
  const taxBasisPoints = terms.reverseCharge ? 0 : terms.basisPoints;
  const tax = shareOf(net, taxBasisPoints);
  const { reverseCharge } = terms;
  return { period, currency, lines, net, taxBasisPoints, tax, total: sumAmounts([net, tax]), reverseCharge };
}

/** What late records changed in months that were closed before they came. */
function corrections(records: ClosingRecords, counted: readonly UsageRecord[]) {
  const late = counted.filter(({ record, day }) => record > records.previous && day < `${records.period}-01`);
  const periods = new Set(late.map(({ day }) => day.slice(0, 7)));
  const before = counted.filter(({ record }) => record <= records.previous);
  return [...periods].sort().flatMap((period) => {
    const now = chargesOf(period, records.events, counted, records.prices);
    const then = chargesOf(period, records.events, before, records.prices);
    const changes = Map.groupBy(
      [...now, ...then.map((charge) => ({ ...charge, amount: -charge.amount }))],
      ({ site, metric, currency }) => `${site} ${metric} ${currency}`,
    );
    return [...changes.values()].flatMap((charges) => correction(period, charges));
  });
}

function correction(period: Period, charges: readonly Charge[]): (UnplacedLine & { currency: string })[] {
  const amount = sumAmounts(charges.map((charge) => charge.amount));
  const first = charges[0];
  if (first === undefined || amount === 0) return [];
  const { site, metric, currency, plan, priceVersion } = first;
  return [
    {
      kind: 'correction',
      site,
      metric,
      currency,
      plan,
      priceVersion,
      period,
      ...bounds(period),
      quantity: 1,
      unitAmount: null,
      amount,
      description: `Correction of ${period}: ${metric ?? 'plan'} recorded after its invoice`,
    },
  ];
}

function creditLine(period: Period, currency: string, subtotal: number, balance: number): UnplacedLine[] {
  const amount = subtotal < 0 ? -subtotal : -Math.max(0, Math.min(balance, subtotal));
  if (amount === 0) return [];
  const left = formatMoney({ amount: balance + amount, currency });
  return [
    {
      kind: 'credit',
      site: null,
      metric: null,
      plan: null,
      priceVersion: null,
      period,
      ...bounds(period),
      quantity: 1,
      unitAmount: null,
      amount,
      description: amount < 0 ? `Credit used; ${left} left` : `Kept as credit for the next invoice; ${left} in all`,
    },
  ];
}

function bounds(period: Period): { from: Date; to: Date } {
  return { from: fromSeconds(periodStart(period)), to: fromSeconds(periodEnd(period)) };
}

/** Whether a month is over. */
export function hasEnded(period: Period, now: Date): boolean {
  return period < periodOf(now);
}
