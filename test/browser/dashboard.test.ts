import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { launchChromium } from '../../scripts/services/chromium.ts';
import { FleetUnderTest } from '../support/fleet-process.ts';
import { temporaryDir } from '../support/site-process.ts';

const creators = {
  mira: { email: 'mira@example.com', slug: 'night-trains', title: 'Night Trains' },
  jon: { email: 'jon@example.com', slug: 'salt-and-smoke', title: 'Salt and Smoke' },
};

let files: { dir: string; remove: () => Promise<void> };
let fleet: FleetUnderTest;
let browser: Browser;
let sitesDir: string;
beforeAll(async () => {
  files = await temporaryDir();
  sitesDir = path.join(files.dir, 'sites');
  await mkdir(sitesDir);
  for (const { email, slug, title } of Object.values(creators)) {
    const entry = `slug: ${slug}\ncreator: ${email}\ntitle: ${title}\ndomains: [${slug}.example.com]\nplan: studio\n`;
    await writeFile(path.join(sitesDir, `${slug}.yaml`), entry);
  }
  const stateDir = path.join(files.dir, 'state');
  [fleet, browser] = await Promise.all([
    FleetUnderTest.start({ sitesDir, stateDir, args: ['--demo'] }),
    launchChromium(),
  ]);
  await fleet.table();
});
afterAll(async () => {
  await browser?.close();
  await fleet?.stop();
  await files?.remove();
});

const dashboard = () => `http://platform.localhost:${fleet.port}`;

async function signIn(email: string): Promise<Page> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
  const page = await context.newPage();
  await page.goto(dashboard());
  await page.getByLabel('E-mail').fill(email);
  await page.getByRole('button', { name: 'Send me a link' }).click();
  await page.locator('.notice a').click();
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.waitForURL(/\/(sites|fleet)$/);
  return page;
}

describe('the dashboard in the browser', () => {
  it.each(Object.values(creators))('shows $email what is theirs, and nothing else', async ({ email, title }) => {
    const page = await signIn(email);
    const other = Object.values(creators).find((creator) => creator.email !== email);
    expect(await page.getByRole('heading', { name: title }).count()).toBe(1);
    expect(await page.content()).not.toContain(other?.title);
    expect(await page.locator('.card .spark polyline').first().getAttribute('points')).toMatch(/ .* /);
    const answer = await page.goto(`${dashboard()}/sites/${other?.slug}`);
    expect(answer?.status()).toBe(404);
    await page.context().close();
  });

  it("draws a site's numbers", async () => {
    const page = await signIn(creators.mira.email);
    await page.getByRole('link', { name: creators.mira.title }).click();
    await page.locator('.chart canvas').first().waitFor();
    expect(await page.locator('.chart canvas').count()).toBeGreaterThanOrEqual(4);
    await page.context().close();
  });

  it('makes a site by its form, and opens it', async () => {
    const page = await signIn(creators.mira.email);
    await page.getByRole('link', { name: 'New site' }).click();
    await page.getByLabel('Name in addresses').fill('night-trains');
    await page.getByLabel('Domain').fill('ferries.example.com');
    await page.getByRole('button', { name: 'Create site' }).click();
    expect(await page.getByRole('alert').textContent()).toContain('expected no such file; got one that exists');
    await page.getByLabel('Name in addresses').fill('slow-ferries');
    await page.getByLabel('Title').fill('Slow Ferries');
    await page.getByRole('button', { name: 'Create site' }).click();
    const open = page.getByRole('link', { name: 'Open the site' });
    await open.waitFor({ timeout: 120_000 });
    expect(await readFile(path.join(sitesDir, 'slow-ferries.yaml'), 'utf8')).toContain('creator: mira@example.com');
    await open.click();
    await page.waitForURL(`http://slow-ferries.localhost:${fleet.port}/`);
    expect(await page.title()).toBe('Slow Ferries');

    await page.goto(`${dashboard()}/sites`);
    expect(await page.getByRole('heading', { name: 'Slow Ferries' }).count()).toBe(1);
    await page.goto(`${dashboard()}/audit`);
    expect(await page.getByRole('cell', { name: 'site.create' }).count()).toBe(1);
    await page.context().close();
  });

  it('opens Ghost Admin as the owner of a site, without a password', async () => {
    const page = await signIn(creators.mira.email);
    await page.goto(`http://night-trains.localhost:${fleet.port}/ghost/`);
    await page.fill('#blog-title', 'Night Trains');
    await page.fill('#name', 'Mira Example');
    await page.fill('#email', 'mira@example.com');
    await page.fill('#password', 'correct horse 4711 staple');
    await page.click('[data-test-button="setup"]');
    await page.waitForURL(/#\/(?!setup$)/, { timeout: 30_000 });
    await page.context().close();

    const later = await signIn(creators.mira.email);
    await later.goto(`${dashboard()}/sites/night-trains`);
    const [admin] = await Promise.all([
      later.context().waitForEvent('page'),
      later.getByRole('button', { name: 'Open Ghost Admin' }).click(),
    ]);
    await admin.waitForURL(/\/ghost\/(\?[^#]*)?#\/(?!signin|setup)/, { timeout: 30_000 });
    const me = await admin.evaluate(() => fetch('/ghost/api/admin/users/me/').then((answer) => answer.json()));
    expect(me.users[0].email).toBe('mira@example.com');
    await later.context().close();
  });

  it('pauses a site, which then rests, and resumes it', async () => {
    const page = await signIn(creators.jon.email);
    await page.goto(`${dashboard()}/sites/salt-and-smoke`);
    await page.getByRole('button', { name: 'Pause the site' }).click();
    await page.getByRole('link', { name: 'Open the site' }).waitFor({ timeout: 60_000 });
    const resting = await fleet.get('salt-and-smoke.localhost');
    expect([resting.status, resting.body]).toEqual([503, expect.stringContaining('is resting')]);
    await page.goto(`${dashboard()}/sites/salt-and-smoke`);
    await page.getByRole('button', { name: 'Resume the site' }).click();
    await page.getByRole('link', { name: 'Open the site' }).waitFor({ timeout: 60_000 });
    expect((await fleet.get('salt-and-smoke.localhost')).status).toBe(200);
    await page.context().close();
  });

  it('shows staff the whole fleet', async () => {
    const page = await signIn('ops@ghost-fleet.example');
    for (const { title, email } of Object.values(creators)) {
      expect(await page.getByRole('link', { name: title }).count()).toBe(1);
      expect(await page.getByRole('cell', { name: email }).count()).toBeGreaterThan(0);
    }
    await page.getByLabel('Search').fill('salt');
    await page.getByRole('button', { name: 'Show' }).click();
    expect(await page.getByRole('link', { name: creators.mira.title }).count()).toBe(0);
    await page.context().close();
  });
});
