import type { CreditNote } from './credit-notes.ts';
import type { Buyer, Invoice, IssuedDocument } from './invoices.ts';
import { formatMoney, formatPercent } from './money.ts';
import { daysIn } from './period.ts';
import type { Seller } from './settings.ts';

/** A line as it is shown. */
export interface ShownLine {
  /** Site that it is about, empty for none. */
  readonly site: string;
  readonly description: string;
  readonly amount: string;
}

/** What an invoice or a credit note shows, in words: HTML and PDF are made of the same. */
export interface DocumentView {
  readonly title: string;
  readonly number: string;
  readonly issuedAt: Date;
  readonly facts: readonly (readonly [label: string, value: string])[];
  readonly seller: readonly string[];
  readonly buyer: readonly string[];
  readonly lines: readonly ShownLine[];
  readonly totals: readonly (readonly [label: string, amount: string])[];
  readonly notes: readonly string[];
}

/** What an invoice shows. */
export function invoiceView(invoice: Invoice): DocumentView {
  const { period, dueAt, total, currency } = invoice;
  return {
    ...common('Invoice', invoice),
    facts: [
      ['Issued', day(invoice.issuedAt)],
      ['Period of service', `${period}-01 to ${period}-${daysIn(period)}`],
      ['Due', day(dueAt)],
    ],
    lines: invoice.lines.map(({ site, description, amount }) => ({
      site: site ?? '',
      description,
      amount: formatMoney({ amount, currency }),
    })),
    totals: totals(invoice, 'Total due'),
    notes: [
      ...(total > 0 ? [`Please name ${invoice.number} when you pay.`] : ['Nothing is to be paid.']),
      ...taxNotes(invoice),
    ],
  };
}

/** What a credit note shows. */
export function creditNoteView(note: CreditNote): DocumentView {
  const { currency } = note;
  return {
    ...common('Credit note', note),
    facts: [
      ['Issued', day(note.issuedAt)],
      ['Takes back of invoice', note.invoiceNumber],
      ['Reason', note.reason],
    ],
    lines: note.lines.map(({ description, amount }) => ({
      site: '',
      description,
      amount: formatMoney({ amount, currency }),
    })),
    totals: totals(note, 'Total credited'),
    notes: taxNotes(note),
  };
}

function common(title: string, document: IssuedDocument) {
  const { number, issuedAt, seller, buyer } = document;
  return { title, number, issuedAt, seller: sellerLines(seller), buyer: buyerLines(buyer) };
}

function sellerLines({ name, address, taxId }: Seller): string[] {
  return [name, ...address, ...(taxId === null ? [] : [`Tax id ${taxId}`])];
}

function buyerLines({ name, address = [], country, taxId = null }: Buyer): string[] {
  return [
    name,
    ...address,
    ...(country === undefined ? [] : [country]),
    ...(taxId === null ? [] : [`Tax id ${taxId}`]),
  ];
}

function totals({ net, taxBasisPoints, tax, total, currency }: IssuedDocument, label: string): [string, string][] {
  return [
    ['Net', formatMoney({ amount: net, currency })],
    [`Tax ${formatPercent(taxBasisPoints)}`, formatMoney({ amount: tax, currency })],
    [label, formatMoney({ amount: total, currency })],
  ];
}

function taxNotes({ reverseCharge }: IssuedDocument): string[] {
  return reverseCharge ? ['Reverse charge: the tax is to be accounted for by the recipient.'] : [];
}

function day(at: Date): string {
  return at.toISOString().slice(0, 10);
}
