import { BillingError } from './errors.ts';

/** A calendar month in UTC, `YYYY-MM`. */
export type Period = string;

/** Seconds since 1970, the precision in which subscriptions are charged. */
export type Seconds = number;

const daySeconds = 86_400;

/** @throws BillingError unless it is a month such as `2026-03` */
export function requirePeriod(text: string): Period {
  if (/^\d{4}-(0[1-9]|1[0-2])$/.test(text)) return text;
  throw new BillingError('invalid', `expected a month such as 2026-03; got ${JSON.stringify(text)}`);
}

export function periodOf(at: Date): Period {
  return at.toISOString().slice(0, 7);
}

/** Its first second. */
export function periodStart(period: Period): Seconds {
  return Date.parse(`${period}-01T00:00:00Z`) / 1000;
}

/** The first second after it. */
export function periodEnd(period: Period): Seconds {
  return periodStart(nextPeriod(period));
}

export function nextPeriod(period: Period): Period {
  return shifted(period, 1);
}

export function previousPeriod(period: Period): Period {
  return shifted(period, -1);
}

/** Every month from `first` to `last`, both included; none where `last` is earlier. */
export function periodsThrough(first: Period, last: Period): Period[] {
  const periods: Period[] = [];
  for (let period = first; period <= last; period = nextPeriod(period)) periods.push(period);
  return periods;
}

export function secondsIn(period: Period): number {
  return periodEnd(period) - periodStart(period);
}

export function daysIn(period: Period): number {
  return secondsIn(period) / daySeconds;
}

/** The last second of a day, `YYYY-MM-DD`: the plan of that moment is the plan of the day. */
export function lastSecondOf(day: string): Seconds {
  return Date.parse(`${day}T00:00:00Z`) / 1000 + daySeconds - 1;
}

export function toSeconds(at: Date): Seconds {
  return Math.floor(at.getTime() / 1000);
}

export function fromSeconds(seconds: Seconds): Date {
  return new Date(seconds * 1000);
}

/** `later` that many days after `at`. */
export function addDays(at: Date, days: number): Date {
  return new Date(at.getTime() + days * daySeconds * 1000);
}

function shifted(period: Period, months: number): Period {
  const [year = 0, month = 0] = period.split('-').map(Number);
  return new Date(Date.UTC(year, month - 1 + months, 1)).toISOString().slice(0, 7);
}
