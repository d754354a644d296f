import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { grantCredit, setBillingDetails } from '../../../runtime/platform/billing/accounts.ts';
import { issueCreditNote, listCreditNotes } from '../../../runtime/platform/billing/credit-notes.ts';
import { getInvoice, type Invoice } from '../../../runtime/platform/billing/invoices.ts';
import { findNumberGaps } from '../../../runtime/platform/billing/numbering.ts';
import { startSubscription } from '../../../runtime/platform/billing/subscriptions.ts';
import { verifyInvoices } from '../../../runtime/platform/billing/verify.ts';
import { addCreator, billingSettings, closeMonth } from '../../support/billing/creators.ts';
import { usePlatformDatabase } from '../../support/platform-database.ts';

const platform = usePlatformDatabase();
const actor = 'staff@example.com';
const now = new Date('2026-04-02T12:00:00Z');

describe('a credit note', () => {
  it('takes back an invoice whole, with its tax, and leaves the invoice as it was', async () => {
    const invoice = await issue(1_900);
    const { note } = await credit(invoice, 'all of it');
    expect(note).toMatchObject({
      net: invoice.net,
      tax: invoice.tax,
      total: invoice.total,
      invoiceNumber: invoice.number,
    });
    expect(note.number).toMatch(/^T-C2026-\d{6}$/);
    const after = await platform.database.asCreator(invoice.creatorId, (db) => getInvoice(db, invoice.id));
    expect(after).toMatchObject({ ...invoice, credited: invoice.total, balance: 0 });
    await expect(credit(invoice, 'once more')).rejects.toThrow('0 left to take back');
  });

  it('comes once for its key', async () => {
    const invoice = await issue(0);
    const lines = [{ position: 1, amount: 100 }];
    const [first, second] = [await credit(invoice, 'ticket 1', lines), await credit(invoice, 'ticket 1', lines)];
    expect([first.changed, second.changed]).toEqual([true, false]);
    expect(second.note).toEqual(first.note);
  });

  it('takes back no more of a line than was charged', async () => {
    const invoice = await issue(0);
    const amount = invoice.lines[0]?.amount ?? 0;
    await credit(invoice, 'a part', [{ position: 1, amount: 1 }]);
    await expect(credit(invoice, 'too much', [{ position: 1, amount }])).rejects.toThrow(`has ${amount - 1} left`);
    await expect(credit(invoice, 'less than nothing', [{ position: 1, amount: -1 }])).rejects.toThrow('got -1');
    await expect(credit(invoice, 'no such line', [{ position: 9, amount: 1 }])).rejects.toThrow('line 9');
    const twice = [
      { position: 1, amount: 1 },
      { position: 1, amount: 1 },
    ];
    await expect(credit(invoice, 'a line twice', twice)).rejects.toThrow('named twice');
  });

  it('gives back the credit that the invoice had used, for the next one', async () => {
    const invoice = await issue(0, 2_000);
    expect(invoice.net).toBe(1_800);
    const { note } = await credit(invoice, 'all of it');
    expect(note).toMatchObject({ net: 1_800, total: 1_800 });
    const [next] = await closeMonth(platform, invoice.creatorId, '2026-04', new Date('2026-05-02T12:00:00Z'));
    expect(next?.lines.map(({ kind, amount }) => [kind, amount])).toEqual([
      ['base', 900],
      ['base', 2_900],
      ['credit', -2_000],
    ]);
    const verified = await platform.database.asFleet((db) => verifyInvoices(db, invoice.creatorId));
    expect(verified).toEqual({ checked: 2, differences: [] });
  });

  it('in parts takes back net and tax to the cent, whatever the parts', async () => {
    const parts = fc.array(fc.tuple(fc.integer({ min: 0, max: 1 }), fc.double({ min: 0.01, max: 0.9, noNaN: true })), {
      minLength: 1,
      maxLength: 6,
    });
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(1_900, 770, 2_550, 333), parts, async (rate, shares) => {
        const invoice = await issue(rate);
        const left = invoice.lines.map(({ amount }) => amount);
        for (const [index, [line, share]] of shares.entries()) {
          const amount = Math.floor((left[line] ?? 0) * share);
          if (amount === 0) continue;
          left[line] = (left[line] ?? 0) - amount;
          await credit(invoice, `part ${index}`, [{ position: line + 1, amount }]);
        }
        await credit(invoice, 'the rest');
        const notes = await platform.database.asFleet((db) => listCreditNotes(db, invoice.id));
        const sum = (of: 'net' | 'tax' | 'total') => notes.reduce((total, note) => total + note[of], 0);
        expect([sum('net'), sum('tax'), sum('total')]).toEqual([invoice.net, invoice.tax, invoice.total]);
        expect(notes.every(({ tax }) => tax >= 0)).toBe(true);
      }),
      { numRuns: 10 },
    );
    expect(await platform.database.asFleet((db) => findNumberGaps(db))).toEqual([]);
  });
});

/** An invoice over a month of starter and one of studio, 9.00 and 29.00, less what credit there is. */
async function issue(taxBasisPoints: number, creditAmount = 0): Promise<Invoice> {
  const { creatorId, sites } = await addCreator(platform, 2);
  const start = new Date('2026-03-01T00:00:00Z');
  await platform.database.asFleet(async (db) => {
    const details = { name: 'Mira', address: [], country: 'DE', taxId: null, taxBasisPoints, reverseCharge: false };
    await setBillingDetails(db, creatorId, details, start);
    for (const [index, site] of sites.entries()) {
      const plan = index === 0 ? 'starter' : 'studio';
      await startSubscription(db, { creatorId, site, plan, trial: false, actor }, start);
    }
    if (creditAmount === 0) return;
    const grant = { creatorId, amount: creditAmount, currency: 'EUR', reason: 'an outage', actor, key: 'outage' };
    await grantCredit(db, grant, start);
  });
  const [invoice] = await closeMonth(platform, creatorId, '2026-03', now);
  if (invoice === undefined) throw new Error('no invoice was issued');
  return invoice;
}

function credit(invoice: Invoice, key: string, lines?: readonly { position: number; amount: number }[]) {
  const request = { invoiceId: invoice.id, reason: 'an outage', actor, key, ...(lines && { lines }) };
  return platform.database.asFleet((db) => issueCreditNote(db, request, billingSettings, now));
}
