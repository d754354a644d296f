import { randomUUID } from 'node:crypto';
import type { Knex } from 'knex';
import type { Transaction } from '../database/connection.ts';
import { grantCredit, lockAccount } from './accounts.ts';
import { BillingError } from './errors.ts';
import type { InvoiceLine } from './invoice-draft.ts';
import { type DocumentRow, getInvoice, type Invoice, type IssuedDocument, toDocument } from './invoices.ts';
import { shareOf, sumAmounts } from './money.ts';
import { takeNumber } from './numbering.ts';
import type { BillingSettings } from './settings.ts';

export interface CreditNoteLine {
  readonly position: number;
  /** Line of the invoice that it takes back. */
  readonly invoicePosition: number;
  readonly amount: number;
  readonly description: string;
}

/** What takes back an invoice or a part of one; amounts are what is given back. It never changes. */
export interface CreditNote extends IssuedDocument {
  readonly invoiceId: string;
  readonly invoiceNumber: string;
  readonly reason: string;
  readonly lines: readonly CreditNoteLine[];
}

export interface CreditNoteRequest {
  readonly invoiceId: string;
  /** Amounts, before tax, to take back of lines. @default what is left of the whole invoice */
  readonly lines?: readonly { readonly position: number; readonly amount: number }[];
  readonly reason: string;
  /** Who issues it. */
  readonly actor: string;
  /** What makes a repeated call the same note. */
  readonly key: string;
}

/**
 * Issues a credit note: an issued invoice is never edited. Its tax is what makes all notes of the invoice together carry the
 * tax of their net, so that an invoice taken back in parts is taken back to the cent. Credit that a whole invoice had used
 * up is given back as credit. What was paid already is refunded separately. In the scope of the fleet.
 *
 * @returns the note, and false as `changed` where the key was used before
 * @throws BillingError where more would be taken back than was charged
 */
export async function issueCreditNote(
  db: Transaction,
  request: CreditNoteRequest,
  settings: BillingSettings,
  now: Date,
): Promise<{ readonly changed: boolean; readonly note: CreditNote }> {
  const { creatorId } = await getInvoice(db, request.invoiceId);
  await lockAccount(db, creatorId);
  const known = await db('credit_notes').where({ creator_id: creatorId, key: request.key }).first('id');
  if (known !== undefined) return { changed: false, note: await getCreditNote(db, known.id) };

  const invoice = await getInvoice(db, request.invoiceId);
  const taken = await takenBack(db, invoice.id);
  const lines = request.lines === undefined ? whole(invoice, taken) : parts(invoice, taken, request.lines);
  const net = sumAmounts(lines.map(({ amount }) => amount));
  const takenNet = sumAmounts([...taken.values()]);
  if (net <= 0 || net > invoice.net - takenNet) {
    throw new BillingError(
      'not-allowed',
      `${invoice.number} has ${invoice.net - takenNet} left to take back, not ${net}`,
    );
  }
  const [rows] = await db('credit_notes').where({ invoice_id: invoice.id }).sum({ tax: 'tax' });
  const tax = shareOf(takenNet + net, invoice.taxBasisPoints) - Number(rows?.tax ?? 0);
  const id = await insert(db, invoice, request, lines, { net, tax }, settings, now);
  const used = lines.filter((line) => invoice.lines[line.invoicePosition - 1]?.kind === 'credit');
  for (const { amount } of used) {
    const { actor, reason } = request;
    const { currency } = invoice;
    await grantCredit(db, { creatorId, amount: -amount, currency, reason, actor, key: `credit note ${id}` }, now);
  }
  return { changed: true, note: await getCreditNote(db, id) };
}

/** @throws BillingError where the scope shows no such note */
export async function getCreditNote(db: Transaction, id: string): Promise<CreditNote> {
  const row = await noteRows(db).where('credit_notes.id', id).first();
  if (row === undefined) throw new BillingError('not-found', 'there is no such credit note');
  return withLines(db, row);
}

/** The credit notes of an invoice, in their order. */
export async function listCreditNotes(db: Transaction, invoiceId: string): Promise<CreditNote[]> {
  const rows = await noteRows(db).where('credit_notes.invoice_id', invoiceId).orderBy('credit_notes.number');
  const notes: CreditNote[] = [];
  for (const row of rows) notes.push(await withLines(db, row));
  return notes;
}

function whole(invoice: Invoice, taken: ReadonlyMap<number, number>): CreditNoteLine[] {
  const left = invoice.lines.map((line) => ({ line, amount: line.amount - (taken.get(line.position) ?? 0) }));
  return left.filter(({ amount }) => amount !== 0).map(({ line, amount }, index) => toLine(line, amount, index));
}

function parts(
  invoice: Invoice,
  taken: ReadonlyMap<number, number>,
  wanted: readonly { readonly position: number; readonly amount: number }[],
): CreditNoteLine[] {
  if (new Set(wanted.map(({ position }) => position)).size !== wanted.length) {
    throw new BillingError('invalid', 'a line is named twice');
  }
  return wanted.map(({ position, amount }, index) => {
    const line = invoice.lines[position - 1];
    const left = (line?.amount ?? 0) - (taken.get(position) ?? 0);
    if (line === undefined || line.kind === 'credit' || !Number.isSafeInteger(amount) || amount <= 0 || amount > left) {
      throw new BillingError('not-allowed', `line ${position} of ${invoice.number} has ${left} left; got ${amount}`);
    }
    return toLine(line, amount, index);
  });
}

function toLine(line: InvoiceLine, amount: number, index: number): CreditNoteLine {
  const { position: invoicePosition, description, site } = line;
  return {
    position: index + 1,
    invoicePosition,
    amount,
    description: site === null ? description : `${site}: ${description}`,
  };
}

/** What earlier notes took back, by line of the invoice. */
async function takenBack(db: Transaction, invoiceId: string): Promise<Map<number, number>> {
  const rows: { position: number; amount: number }[] = await db('credit_note_lines')
    .where({ invoice_id: invoiceId })
    .groupBy('invoice_position')
    .select('invoice_position as position', db.raw('sum(amount)::bigint as amount'));
  return new Map(rows.map(({ position, amount }) => [position, amount]));
}

async function insert(
  db: Transaction,
  invoice: Invoice,
  { reason, key }: CreditNoteRequest,
  lines: readonly CreditNoteLine[],
  { net, tax }: { readonly net: number; readonly tax: number },
  settings: BillingSettings,
  now: Date,
): Promise<string> {
  const id = randomUUID();
  const { creatorId, currency, taxBasisPoints, reverseCharge, seller, buyer } = invoice;
  await db('credit_notes').insert({
    id,
    creator_id: creatorId,
    ...(await takeNumber(db, 'credit-note', settings.numberPrefix, now)),
    invoice_id: invoice.id,
    issued_at: now,
    currency,
    reason,
    key,
    line_count: lines.length,
    net,
    tax_basis_points: taxBasisPoints,
    tax,
    total: net + tax,
    reverse_charge: reverseCharge,
    seller: JSON.stringify(seller),
    buyer: JSON.stringify(buyer),
  });
  await db('credit_note_lines').insert(
    lines.map(({ position, invoicePosition, amount, description }) => ({
      credit_note_id: id,
      creator_id: creatorId,
      position,
      invoice_id: invoice.id,
      invoice_position: invoicePosition,
      amount,
      description,
    })),
  );
  return id;
}

interface NoteRow extends DocumentRow {
  readonly invoice_id: string;
  readonly invoice_number: string;
  readonly reason: string;
}

function noteRows(db: Transaction): Knex.QueryBuilder<object, NoteRow[]> {
  return db('credit_notes')
    .join('invoices', 'invoices.id', 'credit_notes.invoice_id')
    .select('credit_notes.*', 'invoices.number as invoice_number');
}

async function withLines(db: Transaction, row: NoteRow): Promise<CreditNote> {
  const lines = await db('credit_note_lines').where({ credit_note_id: row.id }).orderBy('position');
  return {
    ...toDocument(row),
    invoiceId: row.invoice_id,
    invoiceNumber: row.invoice_number,
    reason: row.reason,
    lines: lines.map((line) => ({
      position: line.position,
      invoicePosition: line.invoice_position,
      amount: line.amount,
      description: line.description,
    })),
  };
}
