import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { launchChromium } from '../../scripts/services/chromium.ts';
import { FleetUnderTest } from '../support/fleet-process.ts';
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
    await page.fill('#blog-title', 'Night Trains');
    await page.fill('#name', 'Mira Example');
    await page.fill('#email', 'mira@example.com');
    await page.fill('#password', 'correct horse 4711 staple');
    await page.click('[data-test-button="setup"]');
    await page.waitForURL(/#\/(?!setup$)/, { timeout: 30_000 });
    expect(page.url()).toMatch(new RegExp(`^${url()}/ghost/#/`));
  });

  it('sees no warning about the database', async () => {
    await page.goto(`${url()}/ghost/#/dashboard`);
    await page.waitForLoadState('networkidle');
    expect(await page.getByText(/not supported|unsupported|MySQL/i).count()).toBe(0);
  });

  it('writes a post, publishes it and sees it on the front page', async () => {
    await page.goto(`${url()}/ghost/#/editor/post`);
    await page.fill('textarea.gh-editor-title', 'The 23:05 to Vienna');
    await page.keyboard.press('Enter');
    await page.keyboard.type('It leaves on time, and so do we.');
    await page.waitForURL(/#\/editor\/post\/[0-9a-f]{24}/, { timeout: 30_000 });
    await page.locator('.gh-publish-trigger').first().click();
    await page.getByRole('button', { name: 'Continue, final review' }).click();
    // The button pulses and so never comes to rest, for which a click would wait.
    await page.locator('[data-test-button="confirm-publish"]').click({ force: true });
    await page.getByText("It's out there").waitFor({ timeout: 30_000 });

    await page.goto(`${url()}/`);
    expect(await page.title()).toBe('Night Trains');
    await page.getByRole('link', { name: 'The 23:05 to Vienna' }).first().click();
    expect(await page.getByText('It leaves on time, and so do we.').count()).toBeGreaterThan(0);
  });
});
