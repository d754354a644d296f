import { readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { launchChromium } from '../../scripts/services/chromium.ts';
import { eventually } from '../support/cluster/bed.ts';
import { type Settings, titleIn, useClusterFleet, useFleetCluster } from '../support/cluster/fleet.ts';
import { MachinePostgres } from '../support/cluster/machine-postgres.ts';
import { serviceImages } from '../support/cluster/service-images.ts';
import { owner } from '../support/fixtures.ts';
import { publishOnPage, setUpOnPage } from '../support/ghost-admin-pages.ts';
import { TestRepository } from '../support/git-server.ts';
import { linkIn, type MailServer, startMailServer } from '../support/mail-server.ts';

const slug = 'aurora-letters';
const host = 'aurora.example.com';
/** The site whose data lies in PostgreSQL. */
const onPostgres = 'harbour-notes';
const dashboard = 'platform.sites.fleet.localhost';
const minutes = 60_000;

/** The settings of the stack `dev`, with what a cluster without a registry has. */
async function devSettings(): Promise<Settings> {
  const { config } = parse(await readFile('stacks/Pulumi.dev.yaml', 'utf8')) as { config: Settings };
  const named = Object.entries(config).map(([key, value]) => [key.replace(/^ghost-fleet:/, ''), value]);
  // Meilisearch is in no registry of packages.
  const { search: _, ...rest } = Object.fromEntries(named) as Record<string, unknown>;
  return { ...rest, images: { ...(rest.images as object), ...serviceImages, platform: 'ghost-fleet/platform:dev' } };
}

/** The project's sites, one of them on the PostgreSQL of the platform, none larger than a node of two processors can try anew. */
async function registryWithDatabase(): Promise<Record<string, string>> {
  const files = (await readdir('sites')).filter((file) => file.endsWith('.yaml'));
  const texts = files.map(async (file): Promise<[string, string]> => {
    const text = (await readFile(`sites/${file}`, 'utf8')).replace('plan: publisher', 'plan: starter');
    return [file, file === `${onPostgres}.yaml` ? `${text}database: { strategy: database }\n` : text];
  });
  return Object.fromEntries(await Promise.all(texts));
}

const bed = useFleetCluster(['site', 'platform']);
let postgres: MachinePostgres;
let mailServer: MailServer;
let repository: TestRepository;
const fleet = useClusterFleet(bed, async (dir) => {
  postgres = await MachinePostgres.start(bed, dir);
  mailServer = await startMailServer(postgres.host);
  const registry = await registryWithDatabase();
  repository = await TestRepository.start(path.join(dir, 'repositories'), registry, postgres.host);
  const { host, port } = mailServer;
  const cidrs = [`${host}/32`];
  return {
    settings: {
      ...(await devSettings()),
      clusters: [postgres.clusterSettings('local-1', 'local')],
      mail: { host, port, from: 'Fleet <fleet@example.com>', cidrs },
      platform: { enabled: true, replicas: 1, repository: { url: repository.url, cidrs } },
    },
    secrets: {
      'ghost-fleet:clusterPasswords': JSON.stringify({ 'local-1': postgres.password }),
      'ghost-fleet:repositoryToken': repository.token,
    },
    registry,
    stop: async () => {
      await repository.stop();
      await mailServer.stop();
      await postgres.stop();
    },
  };
});

async function signIn(page: Page, email: string): Promise<void> {
  await page.goto(`http://${dashboard}/`);
  await page.getByLabel('E-mail').fill(email);
  await page.getByRole('button', { name: 'Send me a link' }).click();
  await page.goto(await eventually(async () => linkIn(mailServer.mails, email, `http://${dashboard}/sign-in/`)));
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.waitForURL(`http://${dashboard}/sites`);
}

describe('pulumi up of the stack dev, on a cluster', () => {
  it(
    'brings every site of the registry up: each answers from a pod, by its route, with its own title',
    async () => {
      await fleet.project.up('--skip-preview');
      expect(fleet.sites.length).toBeGreaterThanOrEqual(3);
      for (const site of fleet.sites) {
        const [canonical = '', ...others] = site.domains;
        expect([site.slug, titleIn(await fleet.askUntilReady(canonical))]).toEqual([site.slug, site.title]);
        for (const domain of others) {
          expect(await fleet.ask(domain)).toMatchObject({ status: 301, location: `http://${canonical}/` });
        }
      }
    },
    10 * minutes,
  );

  it(
    'finds nothing to do again',
    async () => {
      expect((await fleet.project.up('--skip-preview', '--expect-no-changes')).output).toMatch(/\d+ unchanged/);
    },
    2 * minutes,
  );

  it(
    "keeps what a browser published when the site's pod dies",
    async () => {
      const browser = await launchChromium({ [host]: fleet.door.HOST });
      try {
        const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
        await page.goto(`http://${host}/ghost/`);
        await setUpOnPage(page, owner);
        await publishOnPage(page, `http://${host}`, 'Written in a pod', 'And read in another.');
        await page.goto(`http://${host}/`);
        await page.getByRole('link', { name: 'Written in a pod' }).first().click();
        await page.getByText('And read in another.').first().waitFor();
        expect(page.url()).toBe(`http://${host}/written-in-a-pod/`);
      } finally {
        await browser.close();
      }
      await fleet.killPod(slug);
      expect((await fleet.askUntilReady(host, '/written-in-a-pod/')).body).toContain('And read in another.');
    },
    4 * minutes,
  );

  it(
    'registers every site with its creator, and reads the numbers of each where its data is',
    async () => {
      const rows = 'select slug, email, strategy, cluster from sites join creators using (creator_id) order by slug';
      expect(await postgres.query('platform', rows)).toEqual(
        fleet.sites.map(({ slug: name, creator }) => ({
          slug: name,
          email: creator,
          strategy: name === onPostgres ? 'database' : 'sqlite',
          cluster: name === onPostgres ? 'local-1' : null,
        })),
      );
      const visits = `select site_slug as slug, failures, error, storage_bytes > 0 as "isStored" from site_refreshes
        order by site_slug`;
      await eventually(async () => {
        expect(await postgres.query('platform', visits)).toEqual(
          fleet.sites.map((site) => ({ slug: site.slug, failures: 0, error: null, isStored: true })),
        );
      }, 2 * minutes);
    },
    3 * minutes,
  );

  it(
    'signs a creator in by mail, shows its sites with their numbers, and opens Ghost Admin as their owner',
    async () => {
      const browser = await launchChromium({ [dashboard]: fleet.door.HOST, [host]: fleet.door.HOST });
      try {
        const page = await (await browser.newContext()).newPage();
        await signIn(page, 'mira@example.com');
        for (const { creator, title } of fleet.sites) {
          const shown = await page.getByRole('heading', { name: title, exact: true }).count();
          expect([title, shown]).toEqual([title, creator === 'mira@example.com' ? 1 : 0]);
        }
        for (const name of [slug, onPostgres]) {
          await page.goto(`http://${dashboard}/sites/${name}`);
          // Ghost's own first post, of which only the site's database knows, and what was published since.
          const posts = page.locator('dl > div').filter({ has: page.getByText('Posts', { exact: true }) });
          expect(await posts.locator('dd').textContent()).toMatch(/^\s*[12]\s/);
        }
        await page.goto(`http://${dashboard}/sites/${slug}`);
        const [admin] = await Promise.all([
          page.context().waitForEvent('page'),
          page.getByRole('button', { name: 'Open Ghost Admin' }).click(),
        ]);
        await admin.waitForURL(/\/ghost\/(\?[^#]*)?#\/(?!signin|setup)/, { timeout: 60_000 });
        const me = await admin.evaluate(() => fetch('/ghost/api/admin/users/me/').then((answer) => answer.json()));
        expect(me.users[0].email).toBe(owner.email);
      } finally {
        await browser.close();
      }
    },
    3 * minutes,
  );

  it(
    'pushes a site that a creator asks for in the dashboard, and shows it once the repository is deployed',
    async () => {
      const browser = await launchChromium({ [dashboard]: fleet.door.HOST });
      const asked = 'night-trains';
      const state = async () =>
        (await postgres.query('platform', `select state from jobs where key = '${asked}'`)).map((job) => job.state);
      try {
        const page = await browser.newPage();
        await signIn(page, 'jonas@example.org');
        await page.goto(`http://${dashboard}/sites/new`);
        await page.getByLabel('Name in addresses').fill(asked);
        await page.getByLabel('Domain').fill(`${asked}.example.com`);
        await page.getByLabel('Plan').selectOption('starter');
        await page.getByRole('button', { name: 'Create site' }).click();
        await page.waitForURL(`http://${dashboard}/jobs/*`);
        const text = await eventually(() => repository.read(`sites/${asked}.yaml`));
        expect(text).toContain('creator: jonas@example.org');
        expect(await repository.lastAuthor()).toBe('jonas@example.org');
        // Whoever deploys from the repository.
        await writeFile(path.join(fleet.project.dir, 'sites', `${asked}.yaml`), text);
        await fleet.project.up('--skip-preview');
        await eventually(async () => expect(await state()).toEqual(['done']));
        expect(titleIn(await fleet.askUntilReady(`${asked}.example.com`))).toBe('Night Trains');
        await page.goto(`http://${dashboard}/sites`);
        await page.getByRole('heading', { name: 'Night Trains', exact: true }).waitFor();
        expect(linkIn(mailServer.mails, 'jonas@example.org', `http://${asked}.example.com/ghost/`)).toMatch(
          /#\/setup$/,
        );
      } finally {
        await browser.close();
      }
    },
    4 * minutes,
  );

  it(
    'finds a bad image before the old pods go, and says why within two minutes',
    async () => {
      const before = await fleet.podsOf(slug);
      const images = { ...(fleet.settings.images as object), site: 'ghost-fleet/site:missing' };
      await fleet.configure({ ...fleet.settings, images });
      const started = Date.now();
      const failed = await fleet.project.run('up', '--yes', '--skip-preview');
      expect(failed.exitCode).not.toBe(0);
      expect(failed.output).toMatch(/ErrImagePull|ImagePullBackOff/);
      expect(failed.output).toContain('ghost-fleet/site:missing');
      expect(Date.now() - started).toBeLessThan(2 * minutes);
      expect(await fleet.podsOf(slug)).toEqual(before);
      expect((await fleet.ask(host, '/written-in-a-pod/')).status).toBe(200);

      await fleet.configure(fleet.settings);
      await fleet.project.up('--skip-preview');
      expect(await fleet.podsOf(slug)).toEqual(before);
    },
    6 * minutes,
  );

  it(
    'destroy keeps the volumes, and up serves from them again',
    async () => {
      const claims = async () => {
        const uids = '--output=jsonpath={.items[*].metadata.uid}';
        return (await bed.kubectl.read('get', 'persistentvolumeclaims', '--all-namespaces', uids)).split(' ').sort();
      };
      const before = await claims();
      await fleet.project.destroyUnprotected();
      expect(await fleet.podsOf(slug)).toEqual([]);
      expect(await claims()).toEqual(before);
      await fleet.project.up('--skip-preview');
      expect((await fleet.askUntilReady(host, '/written-in-a-pod/')).body).toContain('And read in another.');
      expect((await fleet.askUntilReady(dashboard, '/sign-in')).body).toContain('Send me a link');
      const sites = 'select count(*)::int as sites from sites where removed_at is null';
      // With the one that was asked for.
      expect(await postgres.query('platform', sites)).toEqual([{ sites: fleet.sites.length + 1 }]);
    },
    10 * minutes,
  );
});
