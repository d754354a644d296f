import type { Metric } from '../../../runtime/platform/billing/charge.ts';
import type { Plan, PlanPrice } from '../../../sites/plans.ts';
import { type History, minutesUntil, type Step } from './history.ts';

/**
 * What a history must cost, told without anything of the billing that is tested: it lets each minute of each month pass by
 * itself and counts what it costs, and knows of invoices only that together they have asked for what was used so far.
 */
export class Oracle {
  readonly #history: History;
  readonly #sites: SiteOfOracle[];
  #list = 0;
  #tax = { basisPoints: 0, reverseCharge: false };
  /** What every invoice so far asked for, by what it was for. */
  readonly #billed = new Map<string, bigint>();
  readonly #credit = new Map<string, bigint>();
  /** Of months that are over: nothing happens in them any more. */
  readonly #minutes = new Map<string, (Spell | undefined)[]>();

  constructor(history: History) {
    this.#history = history;
    this.#sites = Array.from({ length: history.sites }, () => ({ plans: [], usage: [], hadTrial: false }));
  }

  /** Takes a step that is no close. */
  take(step: Exclude<Step, { kind: 'close' }>): void {
    if (step.kind === 'reprice') this.#list = 1;
    else if (step.kind === 'tax') this.#tax = step;
    else if (step.kind === 'credit') add(this.#credit, step.currency, BigInt(step.amount));
    else this.#onSite(step);
  }

  /** What the invoices of a month ask for, by currency; no entry where nothing was used and nothing corrected. */
  close(month: number): Map<string, { net: number; total: number }> {
    const asked = new Map<string, bigint>();
    for (let earlier = 0; earlier <= month; earlier += 1) {
      for (const [what, cost] of this.#costs(earlier)) {
        const change = cost - (this.#billed.get(what) ?? 0n);
        this.#billed.set(what, cost);
        if (change !== 0n) add(asked, what.split(' ')[0] ?? '', change);
      }
    }
    return new Map([...asked].map(([currency, sum]) => [currency, this.#settle(currency, sum)]));
  }

  #settle(currency: string, sum: bigint): { net: number; total: number } {
    const credit = this.#credit.get(currency) ?? 0n;
    const used = sum < credit ? sum : credit;
    this.#credit.set(currency, credit - used);
    const net = sum - used;
    const tax = this.#tax.reverseCharge ? 0n : halfAway(net * BigInt(this.#tax.basisPoints), 10_000n);
    return { net: Number(net), total: Number(net + tax) };
  }

  #onSite(step: Extract<Step, { site: number }>): void {
    const site = this.#sites[step.site];
    if (site === undefined) return;
    if (step.kind === 'usage') {
      site.usage.push(step);
      return;
    }
    const now = site.plans.at(-1);
    const live = now !== undefined && !now.cancelled;
    const next = (change: Partial<Spell>) => now && site.plans.push({ ...now, ...change, from: step.minute });
    const sold = (index: number) => this.#history.plans[this.#list as 0 | 1][index];
    switch (step.kind) {
      case 'start': {
        const plan = sold(step.plan);
        if (live || plan === undefined) return;
        const trialEnd = site.hadTrial ? 0 : step.minute + plan.trialDays * 1_440;
        site.hadTrial = true;
        const { currency, minute: from } = step;
        site.plans.push({ from, plan, currency, trialEnd, paused: false, cancelled: false, suspended: false });
        return;
      }
      case 'plan':
        if (live) next({ plan: sold(step.plan) ?? now.plan });
        return;
      case 'pause':
        if (live) next({ paused: true });
        return;
      case 'resume':
        if (live && !now.suspended) next({ paused: false });
        return;
      case 'cancel':
        if (live) next({ cancelled: true });
        return;
      case 'standing':
        if (live) next({ suspended: step.standing === 'suspended' });
    }
  }

  /** What a month cost, as far as it is known by now, by currency, site and what it was. */
  #costs(month: number): Map<string, bigint> {
    const costs = new Map<string, bigint>();
    const first = minutesUntil(this.#history.begin, month);
    const end = minutesUntil(this.#history.begin, month + 1);
    for (const [index, site] of this.#sites.entries()) {
      const key = `${month} ${index}`;
      const minutes = this.#minutes.get(key) ?? charged(site.plans, first, end);
      this.#minutes.set(key, minutes);
      for (const [what, cost] of baseCosts(minutes)) costs.set(`${what} ${index} base ${month}`, cost);
      const days = new Map<number, Spell>();
      for (let day = first / 1_440; day < end / 1_440; day += 1) {
        const last = minutes[(day + 1) * 1_440 - 1 - first];
        if (last !== undefined) days.set(day, last);
      }
      for (const [what, cost] of levelCosts(site.usage, days, (end - first) / 1_440)) {
        costs.set(`${what} ${index} ${month}`, cost);
      }
      for (const [what, cost] of emailCosts(site.usage, days, minutes))
        costs.set(`${what} ${index} emails ${month}`, cost);
      for (const [what, cost] of revenueCosts(site.usage, days)) costs.set(`${what} ${index} revenue ${month}`, cost);
    }
    // What cost something before and costs nothing now.
    for (const what of this.#billed.keys()) {
      if (what.endsWith(` ${month}`) && !costs.has(what)) costs.set(what, 0n);
    }
    return costs;
  }
}

interface Spell {
  readonly from: number;
  readonly plan: Plan;
  readonly currency: 'EUR' | 'USD';
  readonly trialEnd: number;
  readonly paused: boolean;
  readonly cancelled: boolean;
  readonly suspended: boolean;
}

type UsageStep = Extract<Step, { kind: 'usage' }>;

interface SiteOfOracle {
  readonly plans: Spell[];
  readonly usage: UsageStep[];
  hadTrial: boolean;
}

/** For each minute of the month what it is charged by, undefined where it is free. */
function charged(spells: readonly Spell[], first: number, end: number): (Spell | undefined)[] {
  const minutes: (Spell | undefined)[] = [];
  let at = -1;
  for (let minute = first; minute < end; minute += 1) {
    while ((spells[at + 1]?.from ?? Number.POSITIVE_INFINITY) <= minute) at += 1;
    const spell = spells[at];
    const free = spell === undefined || spell.paused || spell.cancelled || spell.suspended || minute < spell.trialEnd;
    minutes.push(free ? undefined : spell);
  }
  return minutes;
}

function baseCosts(minutes: readonly (Spell | undefined)[]): Map<string, bigint> {
  // A month of minutes times a price fits in a number.
  const sums = { EUR: 0, USD: 0 };
  for (const spell of minutes) if (spell !== undefined) sums[spell.currency] += price(spell).monthlyPrice.amount;
  return rounded(
    new Map(Object.entries(sums).map(([currency, sum]) => [currency, BigInt(sum)])),
    BigInt(minutes.length),
  );
}

function levelCosts(
  usage: readonly UsageStep[],
  days: ReadonlyMap<number, Spell>,
  length: number,
): Map<string, bigint> {
  const sums = new Map<string, bigint>();
  const levels: readonly (readonly [Metric, bigint, (plan: Plan) => number, (price: PlanPrice) => number])[] = [
    ['members', 1_000n, (plan) => plan.quotas.members, ({ overage }) => overage.per1000Members],
    ['storage', 1n << 30n, (plan) => plan.quotas.storageGiB * 2 ** 30, ({ overage }) => overage.perGiB],
    ['staff', 1n, (plan) => plan.quotas.staff, ({ overage }) => overage.perStaffSeat],
  ];
  for (const [metric, unit, included, unitPrice] of levels) {
    for (const [day, spell] of days) {
      const level = usage.filter((step) => step.metric === metric && step.day === day);
      let above = level.reduce((sum, step) => sum + BigInt(step.quantity), 0n) - BigInt(included(spell.plan));
      // A unit at a time, as somebody would count who fills boxes.
      for (; above > 0n; above -= unit) add(sums, `${spell.currency} ${metric}`, BigInt(unitPrice(price(spell))));
    }
  }
  return rounded(sums, BigInt(length));
}

function emailCosts(
  usage: readonly UsageStep[],
  days: ReadonlyMap<number, Spell>,
  minutes: readonly (Spell | undefined)[],
): Map<string, bigint> {
  const costs = new Map<string, bigint>();
  for (const currency of ['EUR', 'USD'] as const) {
    const used = usage.filter((step) => step.metric === 'emails' && days.get(step.day)?.currency === currency);
    if (used.length === 0) continue;
    const counted = minutes.filter((spell) => spell?.currency === currency);
    const share = BigInt(counted.reduce((sum, spell) => sum + (spell?.plan.quotas.emailsPerMonth ?? 0), 0));
    let free = share / BigInt(minutes.length);
    if (free * BigInt(minutes.length) < share) free += 1n;
    const last = counted.at(-1);
    const sent = used.reduce((sum, step) => sum + BigInt(step.quantity), 0n);
    for (let above = sent - free; above > 0n && last !== undefined; above -= 1_000n) {
      add(costs, currency, BigInt(price(last).overage.per1000Emails));
    }
  }
  return costs;
}

function revenueCosts(usage: readonly UsageStep[], days: ReadonlyMap<number, Spell>): Map<string, bigint> {
  const sums = new Map<string, bigint>();
  for (const step of usage) {
    const spell = step.metric === 'revenue' ? days.get(step.day) : undefined;
    if (spell === undefined || step.currency === undefined) continue;
    add(sums, step.currency, BigInt(step.quantity) * BigInt(spell.plan.revenueShareBasisPoints));
  }
  return rounded(sums, 10_000n);
}

function price({ plan, currency }: Spell): PlanPrice {
  const [other] = plan.alsoPricedIn;
  return currency === plan.monthlyPrice.currency || other === undefined ? plan : other;
}

function rounded(sums: ReadonlyMap<string, bigint>, divisor: bigint): Map<string, bigint> {
  return new Map([...sums].map(([what, sum]) => [what, halfAway(sum, divisor)]));
}

/** The nearest integer by adding half of the divisor on the side away from nought. */
function halfAway(dividend: bigint, divisor: bigint): bigint {
  const half = dividend < 0n ? -divisor : divisor;
  return (2n * dividend + half) / (2n * divisor);
}

function add(sums: Map<string, bigint>, key: string, amount: bigint): void {
  sums.set(key, (sums.get(key) ?? 0n) + amount);
}
