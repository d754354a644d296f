import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SiteUnderTest, siteEnvironment, temporaryDir, titleOf } from '../../support/site-process.ts';

let files: { dir: string; remove: () => Promise<void> };
beforeAll(async () => {
  files = await temporaryDir();
});
afterAll(() => files.remove());

describe('the entrypoint', () => {
  it('names everything that is wrong with its environment at once and exits 78', async () => {
    const site = new SiteUnderTest({
      SITE_SLUG: 'Not a slug',
      SITE_URL: 'example.com',
      PORT: '99999',
      DATABASE_CLIENT: 'oracle',
      LOG_LEVEL: 'loud',
    });
    expect(await site.exited()).toBe(78);
    expect(site.output.trim().split('\n')).toEqual([
      'SITE_SLUG: expected a slug such as aurora-letters; got "Not a slug"',
      'PORT: expected a whole number from 1 to 65535; got "99999"',
      "CONTENT_PATH: expected Ghost's content folder; got nothing",
      'SITE_URL: expected the URL of the site such as https://letters.example.com; got "example.com"',
      'DATABASE_CLIENT: expected one of sqlite, postgres; got "oracle"',
      'LOG_LEVEL: expected one of error, warn, info, debug; got "loud"',
    ]);
  });

  it('prints its configuration with secrets masked, read from files too', async () => {
    const file = path.join(files.dir, 'password');
    await writeFile(file, 'from a file\n');
    const env = {
      SITE_SLUG: 'shown',
      SITE_URL: 'http://shown.example.com/',
      CONTENT_PATH: files.dir,
      DATABASE_CLIENT: 'postgres',
      DATABASE_HOST: 'db',
      DATABASE_PASSWORD_FILE: file,
      MAIL_PASSWORD: 'of the mail',
    };
    const site = new SiteUnderTest(env, ['config']);
    expect(await site.exited()).toBe(0);
    const config = JSON.parse(site.output);
    expect(config.database).toMatchObject({
      strategy: 'database',
      database: 'ghost_site_shown',
      user: 'site_shown',
      password: '********',
    });
    expect([config.url, config.mail.password]).toEqual(['http://shown.example.com', '********']);
    expect(site.output).not.toMatch(/from a file|of the mail/);
  });

  it('refuses commands that it does not know', async () => {
    const site = new SiteUnderTest({}, ['migrate', '--now']);
    expect([await site.exited(), site.output.split('\n')[0]]).toEqual([
      78,
      'expected one of the commands below; got migrate --now',
    ]);
  });

  it('runs one plain Ghost where multisite is off', async () => {
    const {
      PORT = '',
      PROBE_PORT = '',
      CONTENT_PATH = '',
    } = await siteEnvironment({ slug: 'plain', title: '', dir: files.dir, strategy: 'sqlite' });
    const site = await new SiteUnderTest({
      MULTISITE_ENABLED: 'false',
      PORT,
      PROBE_PORT,
      CONTENT_PATH,
      SITE_URL: `http://localhost:${PORT}`,
    }).ready();
    expect(titleOf(await site.get('/'))).toBe('Ghost');
    await site.stop();
  });

  it('turns unready before its port closes, finishes what it answers, and exits 0', async () => {
    const env = await siteEnvironment({ slug: 'draining', title: 'Draining', dir: files.dir, strategy: 'sqlite' });
    const site = await new SiteUnderTest({ ...env, DRAIN_SECONDS: '2' }).ready();
    site.child.kill('SIGTERM');
    await sleep(300);
    expect(await site.readiness()).toMatchObject({ ready: false, phase: 'stopping' });
    expect((await site.get('/')).status).toBe(200);
    expect(await site.exited()).toBe(0);
    await expect(site.get('/')).rejects.toThrow(/ECONNREFUSED/);
  });

  it('exits 70 where its port is taken', async () => {
    const env = await siteEnvironment({ slug: 'taken', title: 'Taken', dir: files.dir, strategy: 'sqlite' });
    const first = await new SiteUnderTest(env).ready();
    const second = new SiteUnderTest({
      ...env,
      PROBE_PORT: String(Number(env.PROBE_PORT) === 65_535 ? 1_025 : Number(env.PROBE_PORT) + 1),
    });
    expect(await second.exited()).toBe(70);
    await first.stop();
  });
});
