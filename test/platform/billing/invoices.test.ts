import { describe, expect, it } from 'vitest';
import { withClient } from '../../../runtime/database/administrator.ts';
import { grantCredit, setBillingDetails } from '../../../runtime/platform/billing/accounts.ts';
import { closeCreatorMonth, estimateInvoices, issueInvoices } from '../../../runtime/platform/billing/close-month.ts';
import { getInvoice, listInvoices } from '../../../runtime/platform/billing/invoices.ts';
import {
  changePlan,
  handOverSubscription,
  pauseSubscription,
  startSubscription,
} from '../../../runtime/platform/billing/subscriptions.ts';
import { recordUsage, type Usage } from '../../../runtime/platform/billing/usage.ts';
import { verifyInvoice, verifyInvoices } from '../../../runtime/platform/billing/verify.ts';
import { platformDatabase } from '../../../runtime/platform/database/provision.ts';
import { addCreator, addSubscriber, billingSettings } from '../../support/billing/creators.ts';
import { usePlatformDatabase } from '../../support/platform-database.ts';

const platform = usePlatformDatabase();
const actor = 'mira@example.com';
const date = (text: string) => new Date(`${text}${text.includes('T') ? '' : 'T00:00:00'}Z`);

describe('the invoices of a month', () => {
  it('list what was used at each price, with tax, from this creator to this seller', async () => {
    const { creatorId, site } = await addSubscriber(platform, '2026-03-01');
    await platform.database.asCreator(creatorId, async (db) => {
      await changePlan(db, { site, plan: 'publisher', actor }, date('2026-03-11T07:00:01'));
      await pauseSubscription(db, { site, actor }, date('2026-03-21'));
      await setBillingDetails(db, creatorId, berlin, date('2026-03-22'));
    });
    const { invoices } = await close(creatorId, '2026-03', '2026-04-02');
    expect(invoices).toHaveLength(1);
    expect(invoices[0]?.lines.map(({ description, amount }) => [description, amount])).toEqual([
      ['Studio, 10 d 07:00:01 of 31 d at EUR 29.00 a month', 963],
      ['Publisher, 9 d 16:59:59 of 31 d at EUR 149.00 a month', 4_666],
    ]);
    expect(invoices[0]).toMatchObject({
      net: 5_629,
      tax: 1_070,
      total: 6_699,
      buyer: berlin,
      seller: billingSettings.seller,
    });
    expect(invoices[0]?.number).toMatch(/^T-2026-\d{6}$/);
    const listed = await platform.database.asCreator(creatorId, (db) => listInvoices(db));
    expect(listed.map(({ balance, dueAt }) => [balance, dueAt])).toEqual([[6_699, date('2026-04-16')]]);
  });

  it('are one for each currency, the share of revenue in what the members paid', async () => {
    const { creatorId, site } = await addSubscriber(platform, '2026-03-01');
    await record([
      { site, metric: 'revenue', day: '2026-03-05', quantity: 200_000, currency: 'USD', source: 'analytics' },
      { site, metric: 'revenue', day: '2026-03-05', quantity: 90_000, currency: 'JPY', source: 'analytics' },
      { site, metric: 'members', day: '2026-03-05', quantity: 40_000, source: 'analytics' },
    ]);
    const { invoices } = await close(creatorId, '2026-03', '2026-04-02');
    expect(invoices.map(({ currency, net }) => [currency, net])).toEqual([
      ['EUR', 2_900 + 290],
      ['JPY', 2_250],
      ['USD', 5_000],
    ]);
  });

  it('wait for the month’s end, catch up with months that nobody closed, and come once', async () => {
    const { creatorId } = await addSubscriber(platform, '2026-03-16');
    await expect(close(creatorId, '2026-05', '2026-05-31')).rejects.toThrow('not ended');
    const { closed, invoices } = await close(creatorId, '2026-05', '2026-06-02');
    expect(closed).toEqual(['2026-03', '2026-04', '2026-05']);
    expect(invoices.map(({ period, net }) => [period, net])).toEqual([
      ['2026-03', 1_497],
      ['2026-04', 2_900],
      ['2026-05', 2_900],
    ]);
    expect(await close(creatorId, '2026-05', '2026-06-02')).toEqual({ closed: [], invoices: [] });
    expect(await close(creatorId, '2026-04', '2026-06-02')).toEqual({ closed: [], invoices: [] });
  });

  it('do not come for a month of trial', async () => {
    const { creatorId, sites } = await addCreator(platform, 1);
    const site = sites[0] ?? '';
    const start = { creatorId, site, plan: 'starter', actor };
    await platform.database.asCreator(creatorId, (db) => startSubscription(db, start, date('2026-03-20')));
    expect(await close(creatorId, '2026-03', '2026-04-02')).toEqual({ closed: ['2026-03'], invoices: [] });
    const { invoices } = await close(creatorId, '2026-04', '2026-05-02');
    expect(invoices[0]?.lines.map(({ amount }) => amount)).toEqual([0, 840]);
  });

  it('are the estimate that was shown before, where nothing happened since', async () => {
    const { creatorId, site } = await addSubscriber(platform, '2026-03-01');
    await record([{ site, metric: 'emails', day: '2026-03-05', quantity: 61_500, source: 'analytics' }]);
    const estimate = await platform.database.asCreator(creatorId, (db) => estimateInvoices(db, creatorId, '2026-03'));
    const { invoices } = await close(creatorId, '2026-03', '2026-04-02');
    expect(estimate).toHaveLength(1);
    expect(invoices[0]).toMatchObject({ ...estimate[0] });
  });
});

describe('what is recorded after a month was closed', () => {
  it('is the next invoice’s correction, and the closed one stays what it was', async () => {
    const { creatorId, site } = await addSubscriber(platform, '2026-03-01');
    await record([{ site, metric: 'emails', day: '2026-03-05', quantity: 63_000, source: 'analytics' }]);
    const march = (await close(creatorId, '2026-03', '2026-04-02')).invoices[0];
    await record([
      { site, metric: 'emails', day: '2026-03-06', quantity: 2_000, source: 'analytics' },
      { site, metric: 'emails', day: '2026-03-05', quantity: -1_000, source: 'correction:17' },
    ]);
    const april = (await close(creatorId, '2026-04', '2026-05-02')).invoices[0];
    expect(march?.net).toBe(2_900 + 3 * 80);
    expect(april?.lines.map(({ kind, period, amount }) => [kind, period, amount])).toEqual([
      ['base', '2026-04', 2_900],
      ['correction', '2026-03', 80],
    ]);
    expect(await verify(march?.id)).toEqual([]);
    expect(await verify(april?.id)).toEqual([]);
  });

  it('becomes credit where it makes a month cost less than nothing, and the next invoice uses it', async () => {
    const { creatorId, site } = await addSubscriber(platform, '2026-03-01');
    const revenue = (day: string, quantity: number) =>
      record([{ site, metric: 'revenue', day, quantity, currency: 'USD', source: 'analytics' }]);
    await revenue('2026-03-05', 100_000);
    await close(creatorId, '2026-03', '2026-04-02');
    await revenue('2026-04-05', -160_000);
    const april = (await close(creatorId, '2026-04', '2026-05-02')).invoices.find(({ currency }) => currency === 'USD');
    expect(april).toMatchObject({ net: 0, tax: 0, total: 0 });
    await revenue('2026-05-05', 400_000);
    const may = (await close(creatorId, '2026-05', '2026-06-02')).invoices.find(({ currency }) => currency === 'USD');
    expect(may?.lines.map(({ kind, amount }) => [kind, amount])).toEqual([
      ['revenue-share', 10_000],
      ['credit', -4_000],
    ]);
  });

  it('does not reach back by an action: what happens to a subscription happens in an open month', async () => {
    const { creatorId, site } = await addSubscriber(platform, '2026-03-01');
    await close(creatorId, '2026-03', '2026-04-02');
    const late = await platform.database.asCreator(creatorId, (db) =>
      pauseSubscription(db, { site, actor }, date('2026-03-31T23:59:59')),
    );
    expect(late.after).toMatchObject({ at: date('2026-04-01'), lifecycle: 'paused' });
  });
});

describe('recorded usage', () => {
  it('counts once, and tells what was recorded otherwise or belongs to no subscription', async () => {
    const { site } = await addSubscriber(platform, '2026-03-10');
    const members = (day: string, quantity: number): Usage => ({
      site,
      metric: 'members',
      day,
      quantity,
      source: 'analytics',
    });
    const first = members('2026-03-12', 7);
    expect((await record([first, first])).added).toEqual([first]);
    const other = members('2026-03-12', 8);
    const early = members('2026-03-09', 7);
    expect(await record([first, other])).toMatchObject({ added: [], known: [], conflicting: [other] });
    expect(await record([first, early])).toMatchObject({ added: [], known: [first], unowned: [early] });
  });

  it('is refused where it is no usage', async () => {
    const { site } = await addSubscriber(platform, '2026-03-10');
    const usage = { site, metric: 'members', day: '2026-03-12', quantity: 7, source: 'analytics' } as const;
    await expect(record([{ ...usage, quantity: -7 }])).rejects.toThrow('correction');
    await expect(record([{ ...usage, quantity: 0.5 }])).rejects.toThrow('whole');
    await expect(record([{ ...usage, currency: 'EUR' }])).rejects.toThrow('for revenue');
    await expect(record([{ ...usage, day: '2026-02-31' }])).rejects.toThrow('a day such as');
  });

  it('goes to whom the site belonged at the day’s end', async () => {
    const { creatorId, site } = await addSubscriber(platform, '2026-03-01');
    const jon = await addCreator(platform, 0);
    const handOver = () =>
      platform.database.asFleet((db) =>
        handOverSubscription(db, { site, to: jon.creatorId, actor }, date('2026-03-16')),
      );
    expect(await handOver()).toMatchObject({ changed: true, creatorId: jon.creatorId, wanted: 'active' });
    expect(await handOver()).toMatchObject({ changed: false });
    const usage = { site, metric: 'members', quantity: 20_000, source: 'analytics' } as const;
    await record([
      { ...usage, day: '2026-03-15' },
      { ...usage, day: '2026-03-16' },
      { ...usage, day: '2026-03-17' },
    ]);
    const mira = await close(creatorId, '2026-03', '2026-04-02');
    const others = await close(jon.creatorId, '2026-03', '2026-04-02');
    expect(mira.invoices[0]?.lines.map(({ amount }) => amount)).toEqual([1_403, 97]);
    expect(others.invoices[0]?.lines.map(({ amount }) => amount)).toEqual([1_497, 194]);
  });
});

describe('a credit', () => {
  it('is granted once for its key and used up by the invoices that follow', async () => {
    const { creatorId } = await addSubscriber(platform, '2026-03-01');
    const credit = { creatorId, amount: 4_000, currency: 'EUR', reason: 'an outage', actor, key: 'ticket 5' };
    const grant = () => platform.database.asFleet((db) => grantCredit(db, credit, date('2026-03-03')));
    expect([await grant(), await grant()]).toEqual([true, false]);
    const { invoices } = await close(creatorId, '2026-04', '2026-05-02');
    expect(invoices.map(({ lines, net }) => [lines.at(-1)?.description, net])).toEqual([
      ['Credit used; EUR 11.00 left', 0],
      ['Credit used; EUR 0.00 left', 1_800],
    ]);
  });
});

describe('an issued invoice', () => {
  it('can neither be changed nor deleted, by the application or by the tables’ owner', async () => {
    const { creatorId } = await addSubscriber(platform, '2026-03-01');
    const invoice = (await close(creatorId, '2026-03', '2026-04-02')).invoices[0];
    const tables = ['invoices', 'invoice_lines', 'subscription_events', 'usage_records', 'credits', 'billing_details'];
    const others = [
      'billing_closings',
      'credit_notes',
      'credit_note_lines',
      'payments',
      'payment_notices',
      'plan_prices',
    ];
    for (const table of [...tables, ...others, 'payment_requests']) {
      for (const statement of [`delete from ${table}`, `truncate ${table} cascade`]) {
        await expect(platform.database.asFleet((db) => db.raw(statement))).rejects.toThrow('permission denied');
        await expect(asOwner(statement)).rejects.toThrow('append-only');
      }
    }
    for (const statement of ['update invoices set total = 0', 'update invoice_lines set amount = 0']) {
      await expect(platform.database.asFleet((db) => db.raw(statement))).rejects.toThrow('permission denied');
      await expect(asOwner(statement)).rejects.toThrow('append-only');
    }
    expect(await verify(invoice?.id)).toEqual([]);
  });

  it('gets no line more, and none that it does not add up to', async () => {
    const { creatorId } = await addSubscriber(platform, '2026-03-01');
    const invoice = (await close(creatorId, '2026-03', '2026-04-02')).invoices[0];
    const id = invoice?.id ?? '';
    for (const amount of [1, 0]) {
      const add = platform.database.asFleet(async (db) => {
        const line = await db('invoice_lines').where({ invoice_id: id }).first();
        await db('invoice_lines').insert({ ...line, position: 2, amount });
      });
      await expect(add).rejects.toThrow('says 2900 in 1 lines');
    }
    const { lines } = await platform.database.asFleet((db) => getInvoice(db, id));
    expect(lines).toHaveLength(1);
  });

  it('is told apart from its records where somebody with the keys to the database changed them', async () => {
    const { creatorId } = await addSubscriber(platform, '2026-03-01');
    const invoice = (await close(creatorId, '2026-03', '2026-04-02')).invoices[0];
    const change = (amount: string) =>
      withClient(platform.server, platformDatabase, async (client) => {
        await client.query('set session_replication_role = replica');
        await client.query(`update invoice_lines set amount = ${amount} where invoice_id = $1`, [invoice?.id]);
      });
    await change('amount - 100');
    const found = await platform.database.asFleet((db) => verifyInvoices(db, creatorId));
    expect(found.checked).toBe(1);
    expect(found.differences.map(({ what }) => what)).toEqual(['line 1']);
    await change('amount + 100');
    expect(await verify(invoice?.id)).toEqual([]);
  });
});

describe('the months of all creators', () => {
  it('are closed one by one, and one that fails keeps nobody else’s', async () => {
    const [mira, jon] = [await addSubscriber(platform, '2026-05-01'), await addSubscriber(platform, '2026-05-01')];
    const revenue = { site: mira.site, metric: 'revenue', currency: 'USD', source: 'analytics' } as const;
    const absurd = Number.MAX_SAFE_INTEGER;
    await record([
      { ...revenue, day: '2026-05-02', quantity: absurd },
      { ...revenue, day: '2026-05-03', quantity: absurd },
    ]);
    const issue = () => issueInvoices(platform.database, '2026-05', billingSettings, date('2026-06-02'));
    const first = await issue();
    expect(first.failures.map(({ creatorId, error }) => [creatorId, String(error)])).toEqual([
      [mira.creatorId, expect.stringContaining('53 bits')],
    ]);
    const owners = (invoices: readonly { creatorId: string }[]) => invoices.map(({ creatorId }) => creatorId);
    expect(owners(first.invoices)).toContain(jon.creatorId);
    await record([{ ...revenue, day: '2026-05-03', quantity: -absurd, source: 'correction:absurd' }]);
    const second = await issue();
    expect([second.failures, new Set(owners(second.invoices))]).toEqual([[], new Set([mira.creatorId])]);
    expect(await issue()).toEqual({ invoices: [], failures: [] });
  });
});

const berlin = {
  name: 'Mira Öztürk',
  address: ['Torstraße 1', '10119 Berlin'],
  country: 'DE',
  taxId: 'DE987654321',
  taxBasisPoints: 1_900,
  reverseCharge: false,
};

function close(creatorId: string, period: string, day: string) {
  return platform.database.asFleet((db) => closeCreatorMonth(db, creatorId, period, billingSettings, date(day)));
}

function record(usage: readonly Usage[]) {
  return platform.database.asFleet((db) => recordUsage(db, usage, date('2026-04-20')));
}

function verify(invoiceId: string | undefined) {
  return platform.database.asFleet((db) => verifyInvoice(db, invoiceId ?? ''));
}

function asOwner(statement: string) {
  const { user, password } = platform.owner;
  return withClient({ ...platform.server, user, password }, platformDatabase, async (client) => {
    await client.query("select set_config('platform.fleet', 'on', false)");
    return client.query(statement);
  });
}
