import { setTimeout as sleep } from 'node:timers/promises';
import { inflateSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import type { CreditNote } from '../../../runtime/platform/billing/credit-notes.ts';
import { creditNoteView, invoiceView } from '../../../runtime/platform/billing/document-view.ts';
import type { Invoice } from '../../../runtime/platform/billing/invoices.ts';
import { renderHtml } from '../../../runtime/platform/billing/render-html.ts';
import { renderPdf } from '../../../runtime/platform/billing/render-pdf.ts';

const document = {
  id: '2b0c5b0e-3f2b-4d8f-9d54-1b8f6e1f0a11',
  creatorId: '9b0c5b0e-3f2b-4d8f-9d54-1b8f6e1f0a22',
  number: 'T-2026-000017',
  issuedAt: new Date('2026-03-02T12:00:00Z'),
  currency: 'EUR',
  net: 2_900,
  taxBasisPoints: 1_900,
  tax: 551,
  total: 3_451,
  reverseCharge: false,
  seller: { name: 'Fleet GmbH', address: ['Hafenstraße 1', '20459 Hamburg'], taxId: 'DE123456789' },
  buyer: { name: 'Łukasz <b>Şahin</b> & Co', address: ['ul. Długa 3'], country: 'PL', taxId: 'PL5260001246' },
} as const;

const line = {
  position: 1,
  kind: 'base',
  site: 'aurora-letters',
  metric: null,
  plan: 'studio',
  priceVersion: 1,
  period: '2026-02',
  from: new Date('2026-02-01T00:00:00Z'),
  to: new Date('2026-03-01T00:00:00Z'),
  quantity: 2_419_200,
  unitAmount: 2_900,
  amount: 2_900,
  description: 'Studio at EUR 29.00 a month',
} as const;

const invoice: Invoice = { ...document, period: '2026-02', dueAt: new Date('2026-03-16T12:00:00Z'), lines: [line] };

const note: CreditNote = {
  ...document,
  number: 'T-C2026-000001',
  invoiceId: document.id,
  invoiceNumber: document.number,
  reason: 'an outage',
  reverseCharge: true,
  tax: 0,
  total: 2_900,
  taxBasisPoints: 0,
  lines: [{ position: 1, invoicePosition: 1, amount: 2_900, description: 'aurora-letters: Studio' }],
};

describe('an invoice as HTML', () => {
  it('says who, what, when and how much, with what people typed as text', () => {
    const page = renderHtml(invoiceView(invoice));
    expect(page).toContain('<h1>Invoice T-2026-000017</h1>');
    expect(page).toContain('Łukasz &lt;b>Şahin&lt;/b> &amp; Co');
    expect(page).not.toContain('<b>');
    for (const text of ['2026-02-01 to 2026-02-28', '2026-03-16', 'Tax id PL5260001246', 'Tax 19 %', 'EUR 34.51']) {
      expect(page).toContain(text);
    }
    expect(page).not.toContain('Reverse charge');
  });

  it('says of a credit note which invoice it takes back, and who accounts for the tax', () => {
    const page = renderHtml(creditNoteView(note));
    for (const text of ['Credit note T-C2026-000001', 'T-2026-000017', 'an outage', 'Reverse charge']) {
      expect(page).toContain(text);
    }
  });
});

describe('an invoice as PDF', () => {
  it('is the same bytes whenever it is rendered', async () => {
    const first = await renderPdf(invoiceView(invoice));
    // A PDF's date has seconds.
    await sleep(1_100);
    expect((await renderPdf(invoiceView(invoice))).equals(first)).toBe(true);
    const later = await renderPdf(invoiceView({ ...invoice, issuedAt: new Date('2026-03-03T12:00:00Z') }));
    expect(later.equals(first)).toBe(false);
  });

  it('shows every letter of the names, and goes on when a page is full', async () => {
    const one = await renderPdf(invoiceView(invoice));
    expect(lettersOf(one)).toEqual(expect.arrayContaining([...'ŁukaszŞhinDlłgENR34.51Straße']));
    const lines = Array.from({ length: 90 }, (_, index) => ({ ...line, position: index + 1 }));
    const long = await renderPdf(invoiceView({ ...invoice, lines }));
    expect(pagesOf(one)).toBe(1);
    expect(pagesOf(long)).toBeGreaterThan(2);
  });
});

function pagesOf(pdf: Buffer): number {
  return [...pdf.toString('latin1').matchAll(/\/Type \/Page\b(?!s)/g)].length;
}

/** Letters that the PDF's fonts say their signs stand for: what can be read and copied from it. */
function lettersOf(pdf: Buffer): string[] {
  const letters = new Set<string>();
  for (const { index } of pdf.toString('latin1').matchAll(/stream\r?\n/g)) {
    const start = index + (pdf.toString('latin1', index, index + 8).includes('\r') ? 8 : 7);
    for (const letter of mappedLetters(pdf.subarray(start))) letters.add(letter);
  }
  return [...letters];
}

function mappedLetters(stream: Buffer): string[] {
  let text: string;
  try {
    text = inflateSync(stream, { finishFlush: 2 }).toString('latin1');
  } catch {
    return [];
  }
  const map = /beginbfrange([\s\S]*?)endbfrange/.exec(text)?.[1] ?? '';
  return [...map.matchAll(/<([0-9a-fA-F]{4})>(?=[\s\]])/g)].map((hit) =>
    String.fromCharCode(Number.parseInt(hit[1] ?? '', 16)),
  );
}
