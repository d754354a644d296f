import type { Money } from '../../../sites/plans.ts';
import { minorDecimals } from '../billing/money.ts';

// Making a format takes far longer than using it, and a page uses hundreds.
const integers = new Intl.NumberFormat('en');
const times = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'short', timeZone: 'UTC' });
const moneyFormats = new Map<string, Intl.NumberFormat>();

/** `1,234` */
export function formatCount(value: number): string {
  return integers.format(value);
}

/** Minor units with their currency, as people read them: `€29.00`. */
export function formatMoney({
  amount,
  currency,
}: {
  readonly amount: Money['amount'];
  readonly currency: string;
}): string {
  let format = moneyFormats.get(currency);
  if (format === undefined) {
    format = new Intl.NumberFormat('en', { style: 'currency', currency });
    moneyFormats.set(currency, format);
  }
  return format.format(amount / minorUnitsOf(currency));
}

/** Minor units of one unit of a currency: 100 of EUR, 1 of JPY. */
export function minorUnitsOf(currency: string): number {
  return 10 ** minorDecimals(currency.toUpperCase());
}

/** `26 Nov 2026, 10:15` in UTC. */
export function formatTime(time: Date | null | undefined): string {
  if (time === null || time === undefined) return '–';
  return times.format(time);
}

/** How long ago: `3 min`, `5 h`, `12 days`. */
export function formatAge(since: Date, now: Date): string {
  const minutes = Math.max(0, Math.round((now.getTime() - since.getTime()) / 60_000));
  if (minutes < 90) return `${minutes} min`;
  const hours = Math.round(minutes / 60);
  return hours < 36 ? `${hours} h` : `${Math.round(hours / 24)} days`;
}

/** `1.5 GiB` */
export function formatBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  const power = bytes < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(bytes) / 10));
  return `${(bytes / 1024 ** power).toFixed(power === 0 ? 0 : 1)} ${units[power]}`;
}
