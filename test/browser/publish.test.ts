import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { launchChromium } from '../../scripts/services/chromium.ts';
import { owner } from '../support/fixtures.ts';
import { FleetUnderTest } from '../support/fleet-process.ts';
import { publishOnPage, setUpOnPage } from '../support/ghost-admin-pages.ts';
import { temporaryDir } from '../support/site-process.ts';

let files: { dir: string; remove: () => Promise<void> };
let fleet: FleetUnderTest;
let browser: Browser;
let page: Page;
beforeAll(async () => {
  files = await temporaryDir();
  const sitesDir = path.join(files.dir, 'sites');
  await mkdir(sitesDir);
  await writeFile(
    path.join(sitesDir, 'night-trains.yaml'),
    'slug: night-trains\ncreator: mira@example.com\ntitle: Night Trains\ndomains: [night.example.com]\nplan: studio\n',
  );
  [fleet, browser] = await Promise.all([
    FleetUnderTest.start({ sitesDir, stateDir: path.join(files.dir, 'state'), args: ['--database', 'database'] }),
    launchChromium(),
  ]);
  await fleet.table();
  page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
});
afterAll(async () => {
  await browser?.close();
  await fleet?.stop();
  await files.remove();
});

describe('a creator in the browser, on PostgreSQL', () => {
  const url = () => `http://night-trains.localhost:${fleet.port}`;

  it('finds the new site on the fleet page and sets it up in Ghost Admin', async () => {
    await page.goto(`http://localhost:${fleet.port}/`);
    await page.getByRole('link', { name: 'Ghost Admin' }).click();
    await setUpOnPage(page, { ...owner, blogTitle: 'Night Trains' });
    expect(page.url()).toMatch(new RegExp(`^${url()}/ghost/#/`));
  });

  it('sees no warning about the database', async () => {
    await page.goto(`${url()}/ghost/#/dashboard`);
    await page.waitForLoadState('networkidle');
    expect(await page.getByText(/not supported|unsupported|MySQL/i).count()).toBe(0);
  });

  it('writes a post, publishes it and sees it on the front page', async () => {
    await publishOnPage(page, url(), 'The 23:05 to Vienna', 'It leaves on time, and so do we.');

    await page.goto(`${url()}/`);
    expect(await page.title()).toBe('Night Trains');
    await page.getByRole('link', { name: 'The 23:05 to Vienna' }).first().click();
    expect(await page.getByText('It leaves on time, and so do we.').count()).toBeGreaterThan(0);
  });
});
