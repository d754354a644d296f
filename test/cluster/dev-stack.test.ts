import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { launchChromium } from '../../scripts/services/chromium.ts';
import { type Settings, titleIn, useClusterFleet, useFleetCluster } from '../support/cluster/fleet.ts';
import { serviceImages } from '../support/cluster/service-images.ts';
import { owner } from '../support/fixtures.ts';
import { publishOnPage, setUpOnPage } from '../support/ghost-admin-pages.ts';

const slug = 'aurora-letters';
const host = 'aurora.example.com';
const minutes = 60_000;

/** The settings of the stack `dev`, with what a cluster without a registry has. */
async function devSettings(): Promise<Settings> {
  const { config } = parse(await readFile('stacks/Pulumi.dev.yaml', 'utf8')) as { config: Settings };
  const named = Object.entries(config).map(([key, value]) => [key.replace(/^ghost-fleet:/, ''), value]);
  // Meilisearch is in no registry of packages.
  const { search: _, ...rest } = Object.fromEntries(named) as Record<string, unknown>;
  return { ...rest, images: { ...(rest.images as object), redis: serviceImages.redis } };
}

const bed = useFleetCluster();
const fleet = useClusterFleet(bed, async () => ({ settings: await devSettings() }));

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
    },
    10 * minutes,
  );
});
