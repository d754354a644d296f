import { beforeAll, describe, expect, it } from 'vitest';
import { registerSite, signIn, staffEmail, usePlatformService } from '../../support/platform-service.ts';
import { WebClient } from '../../support/web-client.ts';

const service = usePlatformService();
const slug = 'aurora-letters';
let creatorId: string;
beforeAll(async () => {
  creatorId = await registerSite(service, slug, 'mira@example.com');
});

const jobs = (): Promise<{ payload: unknown; creator_id: string | null }[]> =>
  service.platform.database.asFleet((db) => db('jobs').orderBy('created_at').select('payload', 'creator_id'));

describe('handing a site over', () => {
  it('changes nothing until the other accepts, once', async () => {
    const mira = await signIn(service, 'mira@example.com');
    await mira.get(`/sites/${slug}`);
    expect((await mira.submit(`/sites/${slug}/hand-over`, { email: 'JON@example.com' })).status).toBe(200);
    expect(await jobs()).toEqual([]);
    const mail = service.mails.at(-1);
    expect(mail?.to).toBe('jon@example.com');
    const { pathname } = new URL(/http\S+\/hand-over\/\S+/.exec(mail?.text ?? '')?.[0] ?? '');

    const jon = new WebClient(service.app);
    expect((await jon.get(pathname)).body).toContain('Accept');
    expect((await jon.submit(pathname, {})).status).toBe(200);
    expect((await jon.submit(pathname, {})).status).toBe(422);
    const payload = { slug, change: { creator: 'jon@example.com' }, actor: 'jon@example.com' };
    expect(await jobs()).toEqual([{ payload, creator_id: null }]);
  });
});

describe('a wish to delete a site', () => {
  it('rests the site at once, deletes nothing, and can be withdrawn', async () => {
    const mira = await signIn(service, 'mira@example.com');
    await mira.get(`/sites/${slug}`);
    for (let count = 0; count < 2; count++) await mira.submit(`/sites/${slug}/deletion`, {});
    const payload = { slug, change: { state: 'paused' }, actor: 'mira@example.com' };
    expect((await jobs()).slice(1)).toEqual([{ payload, creator_id: creatorId }]);
    expect((await mira.get(`/sites/${slug}`)).body).toContain('To be deleted from');
    const staff = await signIn(service, staffEmail);
    expect((await staff.get('/deletions')).body).toContain(slug);
    await mira.get(`/sites/${slug}`);
    await mira.submit(`/sites/${slug}/deletion/withdrawal`, {});
    expect((await mira.get(`/sites/${slug}`)).body).not.toContain('To be deleted from');
    expect((await staff.get('/deletions')).body).not.toContain(slug);
    expect((await mira.submit(`/sites/${slug}/deletion/withdrawal`, {})).status).toBe(422);
  });
});
