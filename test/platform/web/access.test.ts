import { beforeAll, describe, expect, it } from 'vitest';
import { registerSite, signIn, staffEmail, usePlatformService } from '../../support/platform-service.ts';
import { WebClient } from '../../support/web-client.ts';

const service = usePlatformService();
const mira = 'mira@example.com';
beforeAll(async () => {
  await registerSite(service, 'aurora-letters', mira);
});

const linkOf = (text: string) => new URL(/http\S+\/sign-in\/\S+/.exec(text)?.[0] ?? '').pathname;

describe('signing in', () => {
  it('sends a link that works once, by a button, and leads to where one wanted to go', async () => {
    const client = new WebClient(service.app);
    const asked = await client.get('/audit?before=9');
    expect([asked.status, asked.location]).toEqual([302, '/sign-in?next=%2Faudit%3Fbefore%3D9']);
    await client.get(asked.location ?? '');
    await client.submit('/sign-in', { email: 'MIRA@example.com', next: '/audit?before=9' });
    const link = linkOf(service.mails.at(-1)?.text ?? '');
    expect((await client.get(link)).body).toContain('<button>Sign in</button>');
    expect((await client.get(link)).status).toBe(200);
    const entered = await client.submit(link, {});
    expect([entered.status, entered.location]).toEqual([302, '/audit?before=9']);
    expect((await client.get('/tokens')).status).toBe(200);

    const second = new WebClient(service.app);
    await second.get(link);
    expect((await second.submit(link, {})).status).toBe(410);
    expect((await second.get('/tokens')).status).toBe(302);
  });

  it('tells nobody whether an address has an account', async () => {
    const client = new WebClient(service.app);
    await client.get('/sign-in');
    const sent = service.mails.length;
    const known = await client.submit('/sign-in', { email: mira });
    const unknown = await client.submit('/sign-in', { email: 'nobody@example.com' });
    expect(unknown.body.replaceAll('nobody@example.com', mira).replaceAll(/value="[^"]*"/g, '')).toBe(
      known.body.replaceAll(/value="[^"]*"/g, ''),
    );
    expect(service.mails.length).toBe(sent + 1);
  });

  it('gives the session another id, and ends it', async () => {
    const client = await signIn(service, mira);
    await client.get('/tokens');
    expect((await client.submit('/sign-out', {})).location).toBe('/sign-in');
    expect((await client.get('/tokens')).status).toBe(302);
  });

  it('leads nowhere but to its own pages', async () => {
    for (const next of ['https://evil.example', '//evil.example', '/\\evil.example', 'javascript:alert(1)']) {
      const client = new WebClient(service.app);
      const { body } = await client.get(`/sign-in?next=${encodeURIComponent(next)}`);
      expect(body, next).toContain('name="next" value="/"');
    }
  });

  it('sends an address five links in a quarter of an hour, and no more', async () => {
    await registerSite(service, 'asked-often', 'often@example.com');
    const client = new WebClient(service.app);
    await client.get('/sign-in');
    const statuses = [];
    for (let count = 0; count < 6; count++)
      statuses.push((await client.submit('/sign-in', { email: 'often@example.com' })).status);
    expect(statuses).toEqual([200, 200, 200, 200, 200, 429]);
  });
});

describe('a form', () => {
  it('is refused without the token of its page', async () => {
    const client = await signIn(service, mira);
    await client.get('/tokens');
    expect((await client.send('POST', '/tokens', { name: 'x', scopes: 'sites:read', days: '1' })).status).toBe(403);
    const forged = { _csrf: 'forged', name: 'x', scopes: 'sites:read', days: '1' };
    expect((await client.send('POST', '/tokens', forged)).status).toBe(403);
  });
});

describe('roles', () => {
  it("close the staff's pages to creators", async () => {
    const client = await signIn(service, mira);
    expect((await client.get('/queue')).status).toBe(403);
    expect((await (await signIn(service, staffEmail)).get('/queue')).status).toBe(200);
  });
});

describe('an API token', () => {
  it('is shown once, may what its scopes say, and nothing once it is revoked', async () => {
    const client = await signIn(service, mira);
    await client.get('/tokens');
    const made = await client.submit('/tokens', { name: 'reports', scopes: ['metrics:read'], days: '30' });
    const token = /gfp_[A-Za-z0-9_-]{43}/.exec(made.body)?.[0] ?? '';
    const stranger = new WebClient(service.app);
    const authorization = `Bearer ${token}`;
    const missing = '/api/v1/jobs/00000000-0000-4000-8000-000000000000';
    expect((await stranger.get(missing, { authorization })).status).toBe(403);
    expect((await stranger.get('/tokens', { authorization })).status).toBe(403);
    const second = await client.submit('/tokens', { name: 'sites', scopes: ['sites:read'], days: '30' });
    const other = `Bearer ${/gfp_[A-Za-z0-9_-]{43}/.exec(second.body)?.[0]}`;
    expect((await stranger.get(missing, { authorization: other })).status).toBe(404);

    const page = (await client.get('/tokens')).body;
    expect(page).not.toContain(token);
    const revoke = /\/tokens\/[0-9a-f-]{36}\/revoke/.exec(page)?.[0] ?? '';
    await client.submit(revoke, {});
    expect((await stranger.get(missing, { authorization: other })).status).toBe(401);
  });

  it('that is nonsense is nobody', async () => {
    const answer = await new WebClient(service.app).get('/api/v1/jobs/x', { authorization: 'Bearer gfp_nonsense' });
    expect(answer.status).toBe(401);
  });
});

describe('every change', () => {
  it('stands in the audit log with who made it', async () => {
    const client = await signIn(service, mira);
    await client.get('/tokens');
    await client.submit('/tokens', { name: 'for the audit', scopes: ['billing:read'], days: '1' });
    const { body } = await client.get('/audit');
    expect(body).toContain('token.create');
    expect(body).toContain('for the audit');
    expect(body).toContain(mira);
  });
});

describe('a page', () => {
  it('forbids everything from elsewhere, and is kept by nobody', async () => {
    const { headers } = await new WebClient(service.app).get('/sign-in');
    expect(headers['content-security-policy']).toContain("default-src 'none'");
    expect(headers['cache-control']).toBe('no-store');
    expect(headers['x-content-type-options']).toBe('nosniff');
  });

  it('that does not exist says so, in HTML and in JSON', async () => {
    const client = new WebClient(service.app);
    expect(await client.get('/nowhere')).toMatchObject({ status: 404, body: expect.stringContaining('Not found') });
    expect(JSON.parse((await client.get('/api/v1/nowhere')).body)).toEqual({ error: ['There is no such page.'] });
  });
});
