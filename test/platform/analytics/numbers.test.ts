import { describe, expect, it } from 'vitest';
import { dueAfterFailure, dueAfterSuccess } from '../../../runtime/platform/analytics/schedule.ts';
import { countNewRequests } from '../../../runtime/platform/analytics/usage.ts';
import { assembleNumbers, daysOf, type FigureRow } from '../../../runtime/site/analytics/numbers.ts';

const window = { from: '2028-02-28', through: '2028-03-01' };

function figure(name: string, day: string | null, key: string | null, value: number): FigureRow {
  return { figure: name, day, key, value };
}

describe('the days of a window', () => {
  it('are all of them, the leap day included', () => {
    expect(daysOf(window)).toEqual(['2028-02-28', '2028-02-29', '2028-03-01']);
  });
});

describe("a site's numbers", () => {
  it('go back from what is there now through the events of each day', () => {
    const { days } = assembleNumbers(
      [
        figure('members', null, 'free', 5),
        figure('members', null, 'paid', 2),
        figure('status', '2028-03-01', '>free', 2),
        figure('status', '2028-03-01', 'free>paid', 1),
        figure('status', '2028-02-29', 'paid>free', 1),
        figure('mrr', null, 'usd', 900),
        figure('mrr_delta', '2028-03-01', 'usd', 400),
      ],
      window,
    );
    expect(days.map(({ membersTotal, membersFree, membersPaid }) => [membersTotal, membersFree, membersPaid])).toEqual([
      [5, 3, 2],
      [5, 4, 1],
      [7, 5, 2],
    ]);
    expect(days.map(({ membersNew, paidNew, paidChurned }) => [membersNew, paidNew, paidChurned])).toEqual([
      [0, 0, 0],
      [0, 0, 1],
      [2, 1, 0],
    ]);
    expect(days.map(({ mrr }) => mrr)).toEqual([{ usd: 500 }, { usd: 500 }, { usd: 900 }]);
  });

  it('are never below nought, and leave out what comes after the window and currencies that nobody pays in', () => {
    const { days } = assembleNumbers(
      [
        figure('members', null, 'free', 1),
        figure('status', '2028-03-01', '>free', 3),
        figure('status', '2028-03-02', '>free', 1),
        figure('mrr', null, 'usd', 100),
        figure('mrr_delta', '2028-03-01', 'eur', 700),
        figure('mrr_delta', '2028-03-01', 'usd', 700),
      ],
      window,
    );
    expect(days.map(({ membersFree }) => membersFree)).toEqual([0, 0, 1]);
    expect(days.map(({ mrr }) => mrr)).toEqual([{ usd: 0 }, { usd: 0 }, { usd: 100 }]);
  });

  it('are refused where a database claims what none holds', () => {
    const many = Array.from({ length: 21 }, (_, at) => figure('mrr', null, `aa${String.fromCharCode(97 + at)}`, 1));
    expect(() => assembleNumbers(many, window)).toThrow(/at most 20 of three letters/);
    expect(() => assembleNumbers([figure('mrr', null, "x'; drop", 1)], window)).toThrow(/three letters/);
    expect(() => assembleNumbers([figure('members', null, 'free', 2 ** 60)], window)).toThrow(/53 bits/);
  });
});

describe('requests', () => {
  it('count from the last reading, from nought for a process that is new, and not twice', () => {
    const first = countNewRequests({}, [{ process: 'a', count: 10 }]);
    expect(first.added).toBe(10);
    expect(countNewRequests(first.counters, [{ process: 'a', count: 10 }]).added).toBe(0);
    const restarted = countNewRequests(first.counters, [
      { process: 'a', count: 12 },
      { process: 'b', count: 5 },
    ]);
    expect(restarted).toEqual({ added: 7, counters: { a: 12, b: 5 } });
    expect(countNewRequests(restarted.counters, [{ process: 'b', count: 6 }])).toEqual({
      added: 1,
      counters: { b: 6 },
    });
  });
});

describe('the next visit', () => {
  const now = new Date('2026-11-26T12:00:00Z');
  const seconds = (due: Date) => (due.getTime() - now.getTime()) / 1000;

  it('is an interval away, a tenth sooner or later', () => {
    expect(seconds(dueAfterSuccess(now, { random: () => 0 }))).toBeCloseTo(3_240);
    expect(seconds(dueAfterSuccess(now, { random: () => 0.999_999 }))).toBeCloseTo(3_960, 0);
  });

  it('is twice as far with each failure, spread over half of it, and never past the most', () => {
    const at = (failures: number, random: number) => seconds(dueAfterFailure(now, failures, { random: () => random }));
    expect([1, 2, 3].map((failures) => at(failures, 0))).toEqual([30, 60, 120]);
    expect([1, 2, 3].map((failures) => Math.round(at(failures, 0.999_999)))).toEqual([60, 120, 240]);
    expect(Math.round(at(1_000, 0.999_999))).toBe(6 * 3_600);
  });
});
