import { describe, expect, it } from 'vitest';
import { backoffMs } from '../../../runtime/platform/queue/backoff.ts';

describe('the wait after a failed attempt', () => {
  const backoff = { firstMs: 1_000, longestMs: 60_000 };

  it('doubles up to the longest, and half of it is left to chance', () => {
    const most = [1, 2, 3, 6, 7, 50, 5_000].map((failures) => backoffMs(backoff, failures, 1));
    expect(most).toEqual([1_000, 2_000, 4_000, 32_000, 60_000, 60_000, 60_000]);
    expect(backoffMs(backoff, 3, 0)).toBe(2_000);
    const waits = new Set(Array.from({ length: 50 }, () => backoffMs(backoff, 3)));
    expect(waits.size).toBeGreaterThan(20);
  });
});
