import { BillingError } from './errors.ts';
import { Fraction, sumFractions } from './fraction.ts';

/** An amount of money: an integer in the currency's minor unit, never a float. */
export interface Money {
  readonly amount: number;
  /** ISO 4217 code. */
  readonly currency: string;
}

/** Currencies of ISO 4217 whose minor unit is not a hundredth, by its decimals. */
const unusualDecimals: ReadonlyMap<string, number> = new Map([
  ...'BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF'.split(' ').map((code) => [code, 0] as const),
  ...'BHD IQD JOD KWD LYD OMR TND'.split(' ').map((code) => [code, 3] as const),
]);

/** Decimals of a currency's minor unit, as ISO 4217 has them. */
export function minorDecimals(currency: string): number {
  return unusualDecimals.get(currency) ?? 2;
}

/** @throws BillingError unless it is an ISO 4217 code as it is written there */
export function requireCurrency(currency: string): string {
  if (/^[A-Z]{3}$/.test(currency)) return currency;
  throw new BillingError('invalid', `expected a currency such as EUR; got ${JSON.stringify(currency)}`);
}

/** An exact amount as an integer of the minor unit, a half away from zero. */
export function roundAmount(exact: Fraction): number {
  return safe(exact.round());
}

/**
 * Rounds the parts of a whole so that they add up to the whole, rounded: each part is rounded down, and what is then
 * missing goes to the parts that lost most by that, the earlier of equal ones first (largest remainder).
 */
export function apportion(parts: readonly Fraction[]): number[] {
  const floors = parts.map((part) => part.floor());
  let missing = sumFractions(parts).round() - floors.reduce((sum, floor) => sum + floor, 0n);
  const byRemainder = parts
    .map((part, index) => ({ index, remainder: part.plus(new Fraction(-(floors[index] ?? 0n))) }))
    .sort((a, b) => b.remainder.compare(a.remainder) || a.index - b.index);
  for (const { index } of byRemainder) {
    if (missing === 0n) break;
    floors[index] = (floors[index] ?? 0n) + 1n;
    missing -= 1n;
  }
  return floors.map(safe);
}

/** `amount × basisPoints / 10,000`, rounded. */
export function shareOf(amount: number, basisPoints: number): number {
  return roundAmount(new Fraction(BigInt(amount) * BigInt(basisPoints), 10_000n));
}

/** Sum of amounts of one currency. */
export function sumAmounts(amounts: readonly number[]): number {
  return safe(amounts.reduce((sum, amount) => sum + BigInt(amount), 0n));
}

/** An amount as documents show it, the same on every machine: `EUR 1,234.50`. */
export function formatMoney({ amount, currency }: Money): string {
  const decimals = minorDecimals(currency);
  const digits = String(Math.abs(amount)).padStart(decimals + 1, '0');
  const whole = formatInteger(Number(digits.slice(0, digits.length - decimals)));
  const fraction = decimals === 0 ? '' : `.${digits.slice(-decimals)}`;
  return `${amount < 0 ? '−' : ''}${currency} ${whole}${fraction}`;
}

/** An integer with its thousands set apart: `12,345`. */
export function formatInteger(value: number): string {
  return String(value).replace(/\B(?=(\d{3})+$)/g, ',');
}

/** Hundredths of a percent as a percentage: `19 %`, `7.7 %`. */
export function formatPercent(basisPoints: number): string {
  const whole = Math.floor(basisPoints / 100);
  const rest = String(basisPoints % 100)
    .padStart(2, '0')
    .replace(/0+$/, '');
  return `${whole}${rest === '' ? '' : `.${rest}`} %`;
}

function safe(value: bigint): number {
  const number = Number(value);
  if (Number.isSafeInteger(number)) return number;
  throw new RangeError(`expected an amount of at most 53 bits; got ${value}`);
}
