import { describe, expect, it } from 'vitest';
import { addDays } from '../../../runtime/platform/billing/period.ts';
import { nextStanding } from '../../../runtime/platform/billing/standing.ts';
import {
  cancelled,
  paused,
  planChanged,
  resumed,
  type Standing,
  type SubscriptionState,
  standingChanged,
  started,
  statusOf,
  wantedSiteState,
} from '../../../runtime/platform/billing/subscription.ts';

const now = new Date('2026-03-10T12:00:00Z');
const price = { plan: 'studio', currency: 'EUR', version: 1 };
const running = started(undefined, price, null, now);

describe('a subscription', () => {
  it('begins in its trial and is active when that ends, without an event', () => {
    const trial = started(undefined, price, addDays(now, 14), now);
    expect([statusOf(trial, now), statusOf(trial, addDays(now, 14))]).toEqual(['trial', 'active']);
  });

  it('does nothing twice', () => {
    const stopped = paused(running) ?? running;
    const ended = cancelled(stopped) ?? stopped;
    expect([paused(stopped), resumed(running), cancelled(ended), planChanged(running, price)]).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
    expect(standingChanged(running, 'good', now)).toBeUndefined();
  });

  it('takes the newer price of its plan when asked to, and no other currency', () => {
    expect(planChanged(running, { ...price, version: 2 })).toMatchObject({ plan: 'studio', priceVersion: 2 });
    expect(() => planChanged(running, { ...price, currency: 'USD' })).toThrow('paid in EUR');
  });

  it('that is cancelled can only start again', () => {
    const ended = cancelled(running) ?? running;
    expect(() => paused(ended)).toThrow('cancelled');
    expect(() => resumed(ended)).toThrow('cancelled');
    expect(() => planChanged(ended, { ...price, plan: 'starter' })).toThrow('cancelled');
    expect(standingChanged(ended, 'suspended', now)).toBeUndefined();
    expect(started(ended, price, null, now).lifecycle).toBe('running');
    expect(() => started(running, price, null, now)).toThrow('already');
  });

  it('that is suspended does not resume before it is paid', () => {
    const suspended: SubscriptionState = { ...running, lifecycle: 'paused', standing: 'suspended' };
    expect(() => resumed(suspended)).toThrow('unpaid');
    expect(resumed({ ...suspended, standing: 'grace' })).toMatchObject({ lifecycle: 'running' });
  });

  it('wants a maintenance page when paused, suspended or cancelled, and is never deleted', () => {
    const wanted = (change: Partial<SubscriptionState>) => wantedSiteState({ ...running, ...change });
    expect(wanted({})).toBe('active');
    expect(wanted({ standing: 'grace' })).toBe('active');
    expect(wanted({ standing: 'suspended' })).toBe('suspended');
    expect(wanted({ lifecycle: 'paused', standing: 'suspended' })).toBe('suspended');
    expect(wanted({ lifecycle: 'paused' })).toBe('paused');
    expect(wanted({ lifecycle: 'cancelled', standing: 'suspended' })).toBe('paused');
  });
});

describe('the standing of a site whose invoice is overdue', () => {
  const terms = { pastDueDays: 7, graceDays: 14 };
  const next = (standing: Standing, days: number, overdue = true) =>
    nextStanding({ ...running, standing, standingSince: now }, overdue, terms, addDays(now, days));

  it('worsens a step at a time, each after its own days', () => {
    expect(next('good', 0)).toBe('past-due');
    expect([next('past-due', 6.99), next('past-due', 7)]).toEqual([undefined, 'grace']);
    expect([next('grace', 13.99), next('grace', 14)]).toEqual([undefined, 'suspended']);
    expect(next('suspended', 4_000)).toBeUndefined();
  });

  it('gives the whole grace period after the worker was away', () => {
    expect(next('good', 400)).toBe('past-due');
    expect(next('past-due', 400)).toBe('grace');
  });

  it('is good again at once when nothing is overdue', () => {
    expect([next('past-due', 0, false), next('grace', 0, false), next('suspended', 0, false)]).toEqual([
      'good',
      'good',
      'good',
    ]);
    expect(next('good', 0, false)).toBeUndefined();
  });
});
