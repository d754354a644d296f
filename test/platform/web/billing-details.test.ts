import { beforeAll, describe, expect, it } from 'vitest';
import { billingDetails, findAccount } from '../../../runtime/platform/billing/accounts.ts';
import { registerSite, signIn, staffEmail, usePlatformService } from '../../support/platform-service.ts';

const service = usePlatformService();
const mira = 'mira@example.com';
let creatorId: string;
beforeAll(async () => {
  creatorId = await registerSite(service, 'aurora-letters', mira);
});

const stored = () =>
  service.platform.database.asFleet(async (db) => {
    const account = await findAccount(db, creatorId);
    return account && billingDetails(db, creatorId, account.lastRecord);
  });
const aurora = { name: 'Aurora Press', address: 'Harbour 1\r\n  \r\n20457 Hamburg ', country: 'de', taxId: '' };

describe('who invoices are made out to', () => {
  it('is what the creator says, whom nobody taxes by that', async () => {
    const client = await signIn(service, mira);
    expect((await client.get('/invoices')).body).toContain('href="/invoices/recipient"');
    await client.get('/invoices/recipient');
    const forged = { ...aurora, taxPercent: '0', taxBasisPoints: '1', reverseCharge: 'on' };
    expect((await client.submit('/invoices/recipient', forged)).status).toBe(303);
    const details = { name: 'Aurora Press', address: ['Harbour 1', '20457 Hamburg'], country: 'DE', taxId: null };
    expect(await stored()).toEqual({ ...details, taxBasisPoints: 0, reverseCharge: false });
    expect((await client.get('/invoices/recipient')).body).toContain('Harbour 1\n20457 Hamburg');
    expect((await client.get('/audit')).body).toContain('billing.recipient');
  });

  it('is refused with every problem at once, and then nothing changes', async () => {
    const client = await signIn(service, mira);
    await client.get('/invoices/recipient');
    const before = await stored();
    const answer = await client.submit('/invoices/recipient', {
      name: ' ',
      address: '',
      country: 'Germany',
      taxId: '',
    });
    expect(answer.status).toBe(422);
    for (const problem of ['name: expected a name', 'address: expected an address', 'country: expected two letters'])
      expect(answer.body).toContain(problem);
    expect(await stored()).toEqual(before);
  });

  it('is taxed as staff say, also after the creator has moved', async () => {
    const staff = await signIn(service, staffEmail);
    const page = `/creators/${creatorId}`;
    expect((await staff.get('/fleet')).body).toContain(`href="${page}"`);
    expect((await staff.get(page)).body).toContain('Aurora Press');
    expect((await staff.submit(page, { ...aurora, taxPercent: '19.5' })).status).toBe(303);
    expect(await stored()).toMatchObject({ taxBasisPoints: 1_950, reverseCharge: false });
    expect((await staff.submit(page, { ...aurora, taxPercent: '19', reverseCharge: 'on' })).body).toContain('tax id');
    expect((await staff.submit(page, { ...aurora, taxPercent: '19.001' })).status).toBe(422);
    const client = await signIn(service, mira);
    await client.get('/invoices/recipient');
    await client.submit('/invoices/recipient', { ...aurora, address: 'Quay 2' });
    expect(await stored()).toMatchObject({ address: ['Quay 2'], taxBasisPoints: 1_950 });
    for (const id of ['11111111-1111-4111-8111-111111111111', 'nobody'])
      expect((await staff.get(`/creators/${id}`)).status).toBe(404);
  });
});

describe('credit', () => {
  it('is given once however often the form is sent', async () => {
    const staff = await signIn(service, staffEmail);
    const { body } = await staff.get(`/creators/${creatorId}`);
    const key = /name="key" value="([^"]+)"/.exec(body)?.[1] ?? '';
    const wanted = { amount: '1250', currency: 'EUR', reason: 'an outage', key };
    for (const _ of [1, 2]) expect((await staff.submit(`/creators/${creatorId}/credit`, wanted)).status).toBe(303);
    const rows = await service.platform.database.asFleet((db) => db('credits').where({ creator_id: creatorId }));
    expect(rows).toMatchObject([{ amount: 1_250, currency: 'EUR', actor: staffEmail }]);
    expect((await staff.submit(`/creators/${creatorId}/credit`, { ...wanted, amount: '-5' })).status).toBe(422);
  });
});
