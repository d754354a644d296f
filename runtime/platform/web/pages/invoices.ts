import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { audit } from '../../access/audit.ts';
import { asViewer, type Viewer } from '../../access/viewer.ts';
import { collectInvoice } from '../../billing/collect.ts';
import { issueCreditNote } from '../../billing/credit-notes.ts';
import { invoiceView } from '../../billing/document-view.ts';
import { BillingError } from '../../billing/errors.ts';
import { getInvoice, type InvoiceWithBalance, listInvoices } from '../../billing/invoices.ts';
import { recordPayment } from '../../billing/payments.ts';
import { renderHtml } from '../../billing/render-html.ts';
import { renderPdf } from '../../billing/render-pdf.ts';
import { settleStanding } from '../../billing/standing.ts';
import type { Services } from '../../services.ts';
import { formatMoney, formatTime } from '../format.ts';
import { html, type Markup } from '../html.ts';
import { form, type PageContext } from '../layout.ts';
import { contextOf, NotFound, sendPage, viewerOf } from '../reply.ts';

const pageSize = 100;

const listQuery = z.object({
  open: z.literal('1').optional().catch(undefined),
  page: z.coerce.number().int().min(0).max(100_000).catch(0),
});
const payment = z.object({
  reference: z.string().trim().min(1, 'the reference on the bank statement').max(200, 'at most 200 characters'),
  amount: z.coerce.number().int('a whole number of cents').min(1, 'an amount in cents, above nought'),
});
const credit = z.object({ reason: z.string().trim().min(1, 'a reason').max(500, 'at most 500 characters') });

/** Invoices as pages and as PDF, their payment, and for staff what is booked by hand. */
export function registerInvoices(app: FastifyInstance, services: Services): void {
  const { database, drivers, config, now } = services;

  app.get('/invoices', { config: { access: 'signed-in' } }, async (asked, reply) => {
    const { open, page } = listQuery.parse(asked.query);
    const filter = { open: open === '1', limit: pageSize, offset: page * pageSize };
    const invoices = await asViewer(database, viewerOf(asked), (db) => listInvoices(db, filter));
    const content = html`<div class="head"><h1>Invoices</h1>
        <nav aria-label="Which"><a href="/invoices" aria-current=${open ? undefined : 'page'}>All</a>
          <a href="/invoices?open=1" aria-current=${open ? 'page' : undefined}>To be paid</a></nav></div>
      ${viewerOf(asked).role === 'creator' && html`<p><a href="/invoices/recipient">Who they are made out to</a></p>`}
      ${invoiceTable(contextOf(asked, reply), invoices, now())}
      ${invoices.length === pageSize && html`<p><a href=${`/invoices?page=${page + 1}${open ? '&open=1' : ''}`}>Older</a></p>`}` as Markup;
    return sendPage(asked, reply, 'Invoices', content);
  });

  app.get('/api/v1/invoices', { config: { access: 'signed-in', scope: 'billing:read' } }, async (asked) => {
    const { open, page } = listQuery.parse(asked.query);
    const filter = { open: open === '1', limit: pageSize, offset: page * pageSize };
    return { invoices: await asViewer(database, viewerOf(asked), (db) => listInvoices(db, filter)) };
  });

  app.get('/invoices/:id', { config: { access: 'signed-in', scope: 'billing:read' } }, async (asked, reply) => {
    const view = invoiceView(await read(services, viewerOf(asked), asked.params));
    return reply.type('text/html; charset=utf-8').header('cache-control', 'no-store').send(renderHtml(view));
  });

  app.get('/invoices/:id/pdf', { config: { access: 'signed-in', scope: 'billing:read' } }, async (asked, reply) => {
    const invoice = await read(services, viewerOf(asked), asked.params);
    return reply
      .type('application/pdf')
      .header('content-disposition', `attachment; filename="${invoice.number}.pdf"`)
      .send(await renderPdf(invoiceView(invoice)));
  });

  app.post('/invoices/:id/payment', { config: { access: 'creator' } }, async (asked, reply) => {
    const { id, number, total, currency } = await read(services, viewerOf(asked), asked.params);
    const returnUrl = new URL('/invoices', config.url).href;
    const outcome = await collectInvoice(database, drivers, { invoiceId: id, interactive: true, returnUrl }, now());
    if (outcome.outcome === 'action-needed' && outcome.url !== null) return reply.redirect(outcome.url, 303);
    if (outcome.outcome === 'action-needed') {
      const content =
        html`<h1>${number}</h1><p class="notice">Please transfer ${formatMoney({ amount: total, currency })}
        and name ${number}.</p><p><a href="/invoices">All invoices</a></p>` as Markup;
      return sendPage(asked, reply, number, content);
    }
    return reply.redirect('/invoices', 303);
  });

  app.post('/invoices/:id/received', { config: { access: 'staff' } }, async (asked, reply) => {
    const { reference, amount } = payment.parse(asked.body);
    const invoice = await read(services, viewerOf(asked), asked.params);
    await database.asFleet(async (db) => {
      const { id: invoiceId, currency, creatorId, number } = invoice;
      await recordPayment(db, { invoiceId, driver: 'manual', reference, amount, currency }, now());
      await settleStanding(db, creatorId, config.billing, now());
      const details = { reference, amount, currency };
      await audit(db, viewerOf(asked), { creatorId, action: 'invoice.paid', subject: number, details });
    });
    return reply.redirect('/invoices', 303);
  });

  app.post('/invoices/:id/credit-note', { config: { access: 'staff' } }, async (asked, reply) => {
    const { reason } = credit.parse(asked.body);
    const viewer = viewerOf(asked);
    const { id: invoiceId, creatorId, number } = await read(services, viewer, asked.params);
    await database.asFleet(async (db) => {
      const request = { invoiceId, reason, actor: viewer.email, key: `whole:${invoiceId}` };
      const { note } = await issueCreditNote(db, request, config.billing, now());
      await settleStanding(db, creatorId, config.billing, now());
      const details = { note: note.number, reason };
      await audit(db, viewer, { creatorId, action: 'invoice.credit', subject: number, details });
    });
    return reply.redirect('/invoices', 303);
  });
}

async function read({ database }: Services, viewer: Viewer, params: unknown) {
  const id = z.uuid().safeParse((params as { id: string }).id);
  try {
    if (id.success) return await asViewer(database, viewer, (db) => getInvoice(db, id.data));
  } catch (error) {
    if (!(error instanceof BillingError && error.code === 'not-found')) throw error;
  }
  throw new NotFound('There is no such invoice.');
}

function invoiceTable(context: PageContext, invoices: readonly InvoiceWithBalance[], now: Date): Markup {
  const rows = invoices.map((invoice) => {
    const { id, number, period, buyer, currency, total, balance, dueAt } = invoice;
    const overdue = balance > 0 && dueAt < now;
    return html`<tr><td><a href=${`/invoices/${id}`}>${number}</a> <small><a href=${`/invoices/${id}/pdf`}>PDF</a></small></td>
      <td>${period}</td><td>${buyer.name}</td><td class="number">${formatMoney({ amount: total, currency })}</td>
      <td class=${`number ${overdue ? 'bad' : ''}`}>${formatMoney({ amount: balance, currency })}</td>
      <td class=${overdue ? 'bad' : ''}>${formatTime(dueAt)}</td><td>${balance > 0 && actions(context, invoice)}</td></tr>`;
  });
  return html`<div class="scroll"><table><thead><tr><th>Number</th><th>Month</th><th>To</th><th class="number">Total</th>
    <th class="number">To be paid</th><th>Due (UTC)</th><th></th></tr></thead><tbody>${rows}</tbody></table></div>` as Markup;
}

function actions(context: PageContext, { id, balance }: InvoiceWithBalance): Markup {
  if (context.viewer?.role === 'creator')
    return form(context, `/invoices/${id}/payment`, html`<button class="quiet">Pay</button>` as Markup);
  const received = html`<input name="reference" placeholder="Bank reference" required />
    <input name="amount" type="number" min="1" value=${balance} aria-label="Amount in cents" required />
    <button class="quiet">Received</button>` as Markup;
  const taken =
    html`<input name="reason" placeholder="Reason" required /><button class="quiet">Take back</button>` as Markup;
  return html`${form(context, `/invoices/${id}/received`, received, { class: 'line' })}
    ${form(context, `/invoices/${id}/credit-note`, taken, { class: 'line' })}` as Markup;
}
