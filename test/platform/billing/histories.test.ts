import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { findNumberGaps } from '../../../runtime/platform/billing/numbering.ts';
import { verifyInvoices } from '../../../runtime/platform/billing/verify.ts';
import { compareWithOracle } from '../../support/billing/books.ts';
import { addCreator } from '../../support/billing/creators.ts';
import { DatabaseBooks } from '../../support/billing/database-books.ts';
import { histories } from '../../support/billing/history.ts';
import { usePlatformDatabase } from '../../support/platform-database.ts';

const platform = usePlatformDatabase({ pooler: true });
const runs = Number(process.env.BILLING_HISTORIES ?? 12);

describe('the invoices that the database keeps of random histories', () => {
  it('are what the oracle counts, come once however often a month is closed, and can be computed again', async () => {
    let issued = 0;
    await fc.assert(
      fc.asyncProperty(histories(3), async (history) => {
        const creator = await addCreator(platform, history.sites);
        const books = new DatabaseBooks(platform, history, creator);
        await books.begin();
        expect(await compareWithOracle(history, books)).toEqual([]);
        const verified = await platform.database.asFleet((db) => verifyInvoices(db, creator.creatorId));
        expect(verified.differences).toEqual([]);
        issued += verified.checked;
      }),
      { numRuns: runs },
    );
    expect(issued).toBeGreaterThan(runs);
    expect(await platform.database.asFleet((db) => findNumberGaps(db))).toEqual([]);
  });
});
