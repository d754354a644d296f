import { beforeAll, describe, expect, it } from 'vitest';
import { findAccount } from '../../../runtime/platform/access/accounts.ts';
import { createApiToken } from '../../../runtime/platform/access/api-tokens.ts';
import { audit } from '../../../runtime/platform/access/audit.ts';
import { requestDeletion } from '../../../runtime/platform/access/deletions.ts';
import { grantCredit, setBillingDetails } from '../../../runtime/platform/billing/accounts.ts';
import { issueInvoices } from '../../../runtime/platform/billing/close-month.ts';
import { issueCreditNote } from '../../../runtime/platform/billing/credit-notes.ts';
import { followRegistry } from '../../../runtime/platform/billing/follow-registry.ts';
import { listInvoices } from '../../../runtime/platform/billing/invoices.ts';
import { recordMeteredDays } from '../../../runtime/platform/billing/metered.ts';
import { receiveNotice } from '../../../runtime/platform/billing/notices.ts';
import { recordPayment } from '../../../runtime/platform/billing/payments.ts';
import { seedDemo } from '../../../runtime/platform/demo.ts';
import { changeSiteJob } from '../../../runtime/platform/provisioning/jobs.ts';
import { registerSite, signIn, usePlatformService } from '../../support/platform-service.ts';
import type { WebClient } from '../../support/web-client.ts';

// What belongs to Jon is marked by these words, and Mira is to see none of them.
const service = usePlatformService();
const mira = 'mira@example.com';
const jon = 'jon@example.com';
const slug = 'salt-and-smoke';
const marks = [slug, jon, 'Salt Publishing', 'jons-token'];

/** Tables under the rules of tenants whose rows belong to no creator. */
const fleetOnly = ['document_counters'];

let jonId: string;
let ids: { readonly job: string; readonly invoice: string; readonly token: string };
beforeAll(async () => {
  await registerSite(service, 'aurora-letters', mira);
  jonId = await registerSite(service, slug, jon);
  ids = await giveJonARowEverywhere();
});

/** Rows of Jon's in every tenant table, made by the platform's own code. */
async function giveJonARowEverywhere() {
  const { database } = service.platform;
  const { queue, config } = service.services;
  const now = new Date();
  const monthsAgo = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - 2, 3));
  await seedDemo(service.services);
  return database
    .asFleet(async (db) => {
      const details = {
        name: 'Salt Publishing',
        address: ['Harbour 1'],
        country: 'DE',
        taxId: null,
        taxBasisPoints: 1_900,
        reverseCharge: false,
      };
      await setBillingDetails(db, jonId, details, monthsAgo);
      const credit = {
        creatorId: jonId,
        amount: 100,
        currency: 'EUR',
        reason: 'for isolation',
        actor: 'test',
        key: 'one',
      };
      await grantCredit(db, credit as Parameters<typeof grantCredit>[1], now);
      await followRegistry(db, now);
      await recordMeteredDays(db, now, 90);
      const account = await findAccount(db, jon);
      if (account === undefined) throw new Error('Jon has no account');
      await createApiToken(db, account, 'jons-token', ['sites:read'], undefined);
      await audit(db, account, { creatorId: jonId, action: 'test', subject: slug });
      const payload = { slug, change: { state: 'paused' as const }, actor: jon };
      const job = await queue.enqueue(db, changeSiteJob, { payload, creatorId: jonId });
      await db('job_events').insert({ job_id: job.id, creator_id: jonId, level: 'info', text: slug });
      await requestDeletion(db, { slug, creator_id: jonId }, account, now);
      const token = await db('api_tokens').where({ name: 'jons-token' }).first('id');
      return { job: job.id, token: token.id as string };
    })
    .then(async (made) => {
      const month = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - 1, 1)).toISOString().slice(0, 7);
      await issueInvoices(database, month as Parameters<typeof issueInvoices>[1], config.billing, now);
      const invoice = await database.asFleet(async (db) => {
        const [issued] = await listInvoices(db, { creatorId: jonId });
        if (issued === undefined) throw new Error('Jon has no invoice');
        const { id: invoiceId, currency } = issued;
        const failed = { kind: 'failed', invoiceId, reference: 'jons-card', message: 'declined' } as const;
        await receiveNotice(db, 'stripe', { eventId: 'jons-event', type: 'test', effect: failed }, now);
        await recordPayment(db, { invoiceId, driver: 'manual', reference: 'jons-bank', amount: 1, currency }, now);
        const note = { invoiceId, reason: 'for isolation', actor: 'test', key: 'isolation' };
        await issueCreditNote(db, note, config.billing, now);
        return invoiceId;
      });
      return { ...made, invoice };
    });
}

describe('every table of a tenant', () => {
  it('has a row of Jon, of which Mira sees, changes and deletes none', async () => {
    const { database } = service.platform;
    const tables = await database.asFleet(async (db) => {
      const { rows } = await db.raw<{ rows: { name: string }[] }>(`
        select c.relname as name from pg_class c join pg_attribute a on attrelid = c.oid and attname = 'creator_id'
        where relnamespace = 'public'::regnamespace and relkind in ('r', 'p', 'v') and not relispartition order by 1`);
      return rows.map(({ name }) => name);
    });
    expect(tables.length).toBeGreaterThan(15);
    const miraId = await database.asFleet(async (db) => (await findAccount(db, mira))?.creatorId ?? '');
    expect(tables).toEqual(expect.arrayContaining(fleetOnly));
    const rowsOf = (table: string, who: string) =>
      database.asCreator(who, (db) => db(table).where({ creator_id: jonId }).count<{ count: number }[]>());
    const counts: Record<string, readonly number[]> = {};
    for (const table of tables) {
      const own = await rowsOf(table, jonId);
      const foreign = await rowsOf(table, miraId);
      counts[table] = [Number(own[0]?.count) > 0 ? 1 : 0, Number(foreign[0]?.count)];
    }
    const wanted = tables.map((table) => [table, [fleetOnly.includes(table) ? 0 : 1, 0]]);
    expect(counts).toEqual(Object.fromEntries(wanted));
    for (const table of tables) {
      for (const act of ['update', 'delete'] as const) {
        const changed = await database
          .asCreator(miraId, (db) => {
            const rows = db(table).where({ creator_id: jonId });
            return act === 'update' ? rows.update({ creator_id: jonId }) : rows.delete();
          })
          // Many tables take no change of rows at all, and a view takes none of its own.
          .catch((error: { code?: string }) =>
            ['42501', '55000'].includes(error.code ?? '') ? 0 : Promise.reject(error),
          );
        expect(changed, `${act} ${table}`).toBe(0);
      }
    }
  });
});

describe('every route', () => {
  // A parameter that is not here fails the test: whoever adds a route says what of Jon's it could show.
  const values = (): Readonly<Record<string, string>> => ({ slug, token: 'jons-link', id: '' });
  const idOf = (url: string) =>
    Object.entries({ '/invoices/': ids.invoice, '/tokens/': ids.token, '/creators/': jonId }).find(([start]) =>
      url.startsWith(start),
    )?.[1] ?? ids.job;

  const fill = (url: string) =>
    url.replaceAll(/:(\w+)/g, (_whole, name: string) => {
      const value = name === 'id' ? idOf(url) : values()[name];
      if (value === undefined) throw new Error(`${url}: what is :${name} of Jon's?`);
      return encodeURIComponent(value);
    });

  const routes = () => service.app.routeList.filter(({ method }) => ['GET', 'POST'].includes(method));

  it('shows Mira nothing of Jon', async () => {
    expect(routes().length).toBeGreaterThan(25);
    const client = await signIn(service, mira);
    await client.get('/tokens');
    for (const { method, url } of routes().filter((route) => route.url !== '/sign-out')) {
      const path = fill(url);
      const answer = await ask(client, method, path);
      const shown = marks.filter((mark) => withoutEcho(answer.body, path).includes(mark));
      expect(shown, `${method} ${path} answered ${answer.status}`).toEqual([]);
      // The routes about a thing of Jon's say that there is none, or that they are not for her.
      if (url.includes('/:') && !/^\/(sign-in|hand-over)\//.test(url))
        expect([403, 404, 422], `${method} ${path}`).toContain(answer.status);
    }
    const job = await service.platform.database.asFleet((db) => db('jobs').where({ id: ids.job }).first('state'));
    expect(job.state).toBe('waiting');
  });

  it('shows a stranger nothing at all', async () => {
    const { WebClient } = await import('../../support/web-client.ts');
    for (const { method, url, access } of routes().filter((route) => route.access !== 'public')) {
      const answer = await ask(new WebClient(service.app), method, fill(url));
      expect([302, 401], `${method} ${url} for ${access}`).toContain(answer.status);
      if (answer.status === 302) expect(answer.location).toMatch(/^\/sign-in/);
    }
  });

  it('shows Jon what is his, so that the marks would be seen', async () => {
    const client = await signIn(service, jon);
    for (const path of ['/sites', `/sites/${slug}`, '/invoices', `/invoices/${ids.invoice}`, '/tokens', '/audit']) {
      const { status, body } = await client.get(path);
      expect([status, marks.some((mark) => body.includes(mark))], path).toEqual([200, true]);
    }
    expect((await client.get(`/jobs/${ids.job}`)).status).toBe(200);
  });
});

function ask(client: WebClient, method: string, path: string) {
  if (method === 'GET') return client.get(path);
  return client.submit(path, {
    domains: 'stolen.example.com',
    slug: 'mine-too',
    plan: 'studio',
    domain: 'x.example.com',
  });
}

/** A page may repeat the address that was asked for. */
function withoutEcho(body: string, path: string): string {
  return body.replaceAll(path, '').replaceAll(encodeURIComponent(path), '');
}
