import { randomUUID } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { audit } from '../../access/audit.ts';
import { asViewer, type Viewer } from '../../access/viewer.ts';
import {
  type BillingDetails,
  billingDetails,
  findAccount,
  grantCredit,
  setBillingDetails,
} from '../../billing/accounts.ts';
import type { Transaction } from '../../database/connection.ts';
import type { Services } from '../../services.ts';
import { html, type Markup } from '../html.ts';
import { form } from '../layout.ts';
import { contextOf, NotFound, sendPage, viewerOf } from '../reply.ts';

const addressLines = 6;
const recipient = z.object({
  name: z.string().trim().min(1, 'a name').max(200, 'a name of at most 200 characters'),
  address: z
    .string()
    .max(1_000, 'an address of at most 1,000 characters')
    .transform((text) => text.split('\n').map((line) => line.trim()))
    .transform((lines) => lines.filter((line) => line !== ''))
    .refine((lines) => lines.length >= 1 && lines.length <= addressLines, `an address of 1 to ${addressLines} lines`),
  country: z
    .string()
    .trim()
    .toUpperCase()
    .regex(/^[A-Z]{2}$/, 'two letters such as DE'),
  taxId: z
    .string()
    .trim()
    .max(40, 'at most 40 characters')
    .transform((text) => (text === '' ? null : text)),
});
const tax = z.object({
  taxPercent: z.coerce
    .number({ error: 'a number of percent' })
    .min(0, '0 to 100 percent')
    .max(100, '0 to 100 percent')
    .refine((percent) => Number.isInteger(Math.round(percent * 1e6) / 1e4), 'at most two decimals'),
  reverseCharge: z.literal('on').optional(),
});
const credit = z.object({
  amount: z.coerce.number({ error: 'an amount in cents' }).int('a whole number of cents').min(1, 'more than nought'),
  currency: z.enum(['EUR', 'USD'], { error: 'EUR or USD' }),
  reason: z.string().trim().min(1, 'a reason').max(500, 'at most 500 characters'),
  key: z.uuid({ error: 'the key of this form' }),
});

/** Who a creator's invoices are made out to; for staff also how they are taxed, and credit. */
export function registerBillingDetails(app: FastifyInstance, services: Services): void {
  const { database, now } = services;

  app.get('/invoices/recipient', { config: { access: 'creator' } }, async (asked, reply) => {
    const viewer = viewerOf(asked);
    const creatorId = creatorOf(viewer);
    const details = await asViewer(database, viewer, (db) => readDetails(db, creatorId));
    const fields = html`${recipientFields(details)}<button>Save</button>` as Markup;
    const content = html`<h1>Who invoices are made out to</h1>
      <p>It stands on the invoices from the next one on. What was issued stays as it is.</p>
      ${form(contextOf(asked, reply), '/invoices/recipient', fields, { class: 'stack' })}` as Markup;
    return sendPage(asked, reply, 'Invoice recipient', content);
  });

  app.post('/invoices/recipient', { config: { access: 'creator' } }, async (asked, reply) => {
    const viewer = viewerOf(asked);
    const creatorId = creatorOf(viewer);
    const wanted = recipient.parse(asked.body);
    await asViewer(database, viewer, async (db) => {
      const { taxBasisPoints, reverseCharge } = (await readDetails(db, creatorId)) ?? untaxed;
      await save(db, viewer, creatorId, { ...wanted, taxBasisPoints, reverseCharge });
    });
    return reply.redirect('/invoices', 303);
  });

  app.get('/creators/:id', { config: { access: 'staff' } }, async (asked, reply) => {
    const context = contextOf(asked, reply);
    const { id, email, details } = await database.asFleet((db) => readCreator(db, asked.params));
    const { taxBasisPoints, reverseCharge } = details ?? untaxed;
    const fields = html`${recipientFields(details)}
      <label>Tax, percent <input name="taxPercent" type="number" min="0" max="100" step="0.01" value=${taxBasisPoints / 100} required /></label>
      <label class="check"><input type="checkbox" name="reverseCharge" checked=${reverseCharge} />The recipient accounts for the tax</label>
      <button>Save</button>` as Markup;
    const granted = html`<label>Amount in cents <input name="amount" type="number" min="1" required /></label>
      <label>Currency <select name="currency"><option>EUR</option><option>USD</option></select></label>
      <label>Reason <input name="reason" maxlength="500" required /></label>
      <input type="hidden" name="key" value=${randomUUID()} /><button>Give credit</button>` as Markup;
    const content = html`<h1>${email}</h1>
      <p><a href=${`/fleet?search=${encodeURIComponent(email)}`}>Sites</a></p>
      <h2>Invoices are made out to</h2>${form(context, `/creators/${id}`, fields, { class: 'stack' })}
      <h2>Credit</h2><p>The next invoices in that currency use it up before tax.</p>
      ${form(context, `/creators/${id}/credit`, granted, { class: 'stack' })}` as Markup;
    return sendPage(asked, reply, email, content);
  });

  app.post('/creators/:id', { config: { access: 'staff' } }, async (asked, reply) => {
    const { taxPercent, reverseCharge, ...wanted } = recipient.extend(tax.shape).parse(asked.body);
    const taxBasisPoints = Math.round(taxPercent * 100);
    const id = await database.asFleet(async (db) => {
      const creator = await readCreator(db, asked.params);
      const details = { ...wanted, taxBasisPoints, reverseCharge: reverseCharge !== undefined };
      await save(db, viewerOf(asked), creator.id, details);
      return creator.id;
    });
    return reply.redirect(`/creators/${id}`, 303);
  });

  app.post('/creators/:id/credit', { config: { access: 'staff' } }, async (asked, reply) => {
    const viewer = viewerOf(asked);
    const { amount, currency, reason, key } = credit.parse(asked.body);
    const id = await database.asFleet(async (db) => {
      const creator = await readCreator(db, asked.params);
      const grant = { creatorId: creator.id, amount, currency, reason, actor: viewer.email, key: `form ${key}` };
      // Sent twice, it is one credit.
      if (await grantCredit(db, grant, now())) {
        const entry = { creatorId: creator.id, action: 'credit.grant', subject: creator.email };
        await audit(db, viewer, { ...entry, details: { amount, currency, reason } });
      }
      return creator.id;
    });
    return reply.redirect(`/creators/${id}`, 303);
  });

  async function save(db: Transaction, viewer: Viewer, creatorId: string, details: BillingDetails): Promise<void> {
    if (!(await setBillingDetails(db, creatorId, details, now()))) return;
    await audit(db, viewer, { creatorId, action: 'billing.recipient', subject: details.name });
  }
}

const untaxed = { taxBasisPoints: 0, reverseCharge: false };

function creatorOf({ creatorId }: Viewer): string {
  if (creatorId === undefined) throw new Error('expected a route for creators');
  return creatorId;
}

/** @throws NotFound */
async function readCreator(db: Transaction, params: unknown) {
  const id = z.uuid().safeParse((params as { id: string }).id);
  const row = id.success ? await db('creators').where({ creator_id: id.data }).first('email') : undefined;
  if (!id.success || row === undefined) throw new NotFound('There is no such creator.');
  return { id: id.data, email: row.email as string, details: await readDetails(db, id.data) };
}

/** The details as they stand now. */
async function readDetails(db: Transaction, creatorId: string): Promise<BillingDetails | undefined> {
  const account = await findAccount(db, creatorId);
  return account && billingDetails(db, creatorId, account.lastRecord);
}

function recipientFields(details: BillingDetails | undefined): Markup {
  return html`<label>Name <input name="name" maxlength="200" value=${details?.name} autocomplete="organization" required /></label>
    <label>Address, without the country
      <textarea name="address" rows="4" maxlength="1000" autocomplete="street-address" required>${details?.address.join('\n')}</textarea></label>
    <label>Country, two letters <input name="country" maxlength="2" pattern="[A-Za-z]{2}" value=${details?.country} autocomplete="country" required /></label>
    <label>Tax id, if there is one <input name="taxId" maxlength="40" value=${details?.taxId ?? ''} /></label>` as Markup;
}
