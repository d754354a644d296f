import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareWithOracle } from '../../support/billing/books.ts';
import { histories } from '../../support/billing/history.ts';
import { MemoryBooks } from '../../support/billing/memory-books.ts';

const runs = Number(process.env.BILLING_HISTORIES ?? 40);

describe('the invoices of random histories', () => {
  it('ask for what the oracle counts minute by minute, and their lines add up', async () => {
    await fc.assert(
      fc.asyncProperty(histories(3), async (history) => {
        expect(await compareWithOracle(history, new MemoryBooks(history))).toEqual([]);
      }),
      { numRuns: runs },
    );
  }, 120_000);
});
