import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { tellStories } from '../../../scripts/preview/describe.ts';
import { compareRegistry } from '../../../scripts/preview/registry-diff.ts';

let dir: string;

beforeEach(async () => {
  dir = await mkdtemp(path.join(tmpdir(), 'ghost-fleet-diff-'));
  await mkdir(path.join(dir, 'sites'));
  await mkdir(path.join(dir, 'stacks'));
  await settings({});
  await site('aurora', { plan: 'starter' });
  await site('borealis', {});
  git('init', '--quiet');
  git('add', '.');
  git('-c', 'user.name=t', '-c', 'user.email=t@example.com', 'commit', '--quiet', '-m', 'first');
});
afterEach(() => rm(dir, { recursive: true }));

/** Runs git on the repository of the test and on no other. */
function git(...args: string[]): void {
  execFileSync('git', ['--git-dir', path.join(dir, '.git'), '--work-tree', dir, ...args], { cwd: dir });
}

async function site(slug: string, more: Record<string, string>): Promise<void> {
  const base = { slug, creator: 'mira@example.com', title: slug, plan: 'studio', domains: `[${slug}.example.org]` };
  const lines = Object.entries({ ...base, ...more }).map(([key, value]) => `${key}: ${value}\n`);
  await writeFile(path.join(dir, 'sites', `${slug}.yaml`), lines.join(''));
}

async function settings(more: object): Promise<void> {
  const cluster = { kind: 'external', host: 'postgres.example', cidrs: ['10.0.0.0/8'] };
  const own = {
    databaseStrategy: 'schema',
    baseDomain: 'sites.example.org',
    region: 'eu',
    clusters: ['eu', 'us'].map((region) => ({ ...cluster, name: `${region}-1`, region })),
    images: { site: 'site:1' },
    ...more,
  };
  const config = Object.fromEntries(Object.entries(own).map(([key, value]) => [`ghost-fleet:${key}`, value]));
  await writeFile(path.join(dir, 'stacks/Pulumi.staging.yaml'), stringify({ config }));
}

async function stories() {
  return tellStories(await compareRegistry('HEAD', 'sites', dir));
}

describe('a change of the registry', () => {
  it('is nothing where nothing changed, and where only the writing did', async () => {
    expect(await stories()).toEqual([]);
    await writeFile(
      path.join(dir, 'sites/aurora.yaml'),
      `# a comment\n${'plan: starter\nslug: aurora\ntitle: aurora\n'}domains: [aurora.example.org]\ncreator: mira@example.com\n`,
    );
    expect(await stories()).toEqual([]);
  });

  it('is told for a new site that is not committed yet, with its plan and what it costs', async () => {
    await site('cassini', { domains: '[cassini.example.org, www.cassini.example.org]' });
    expect(await stories()).toMatchObject([
      {
        slug: 'cassini',
        what: 'created',
        sentences: [
          'Answers at cassini.example.org, with redirects from www.cassini.example.org.',
          'Plan Studio, 29.00 EUR a month, 20 GiB.',
          expect.stringContaining('Takes up the data'),
        ],
      },
    ]);
  });

  it('is told for a site that leaves: it goes offline and its data stays', async () => {
    await rm(path.join(dir, 'sites/borealis.yaml'));
    const [story] = await stories();
    expect(story).toMatchObject({ slug: 'borealis', what: 'taken offline', risk: undefined });
    expect(story?.sentences.join(' ')).toMatch(/borealis\.example\.org stop answering\..*are kept/);
  });

  it('is told key by key, with the difference of the price and the hosts', async () => {
    await site('aurora', { plan: 'publisher', domains: '[news.example.org]', creator: 'jonas@example.org' });
    expect(await stories()).toMatchObject([
      {
        what: 'changed',
        creators: ['mira@example.com', 'jonas@example.org'],
        sentences: [
          'Goes from mira@example.com to jonas@example.org.',
          'The canonical host becomes news.example.org (was aurora.example.org). New: news.example.org. No longer answered: aurora.example.org.',
          'Plan starter becomes Plan Publisher, 149.00 EUR a month, 100 GiB (+140.00 EUR a month).',
        ],
      },
    ]);
  });

  it.each([
    ['{ strategy: sqlite }', 'from a schema of eu-1 to its SQLite file'],
    ['{ strategy: database }', 'from a schema of eu-1 to a database of eu-1'],
    ['{ cluster: us-1 }', 'from a schema of eu-1 to a schema of us-1'],
  ])('is refused where the data of a site would stay behind: database: %s', async (database, told) => {
    await site('aurora', { plan: 'starter', database });
    const [story] = await stories();
    expect(story).toMatchObject({ what: 'moved', refused: true, risk: expect.stringContaining('npm run site:export') });
    expect(story?.sentences.at(-1)).toBe(`In staging: ${told}.`);
  });

  it('is refused for a site on SQLite that would start on an empty schema or database', async () => {
    await site('borealis', { database: '{ strategy: sqlite }' });
    git('add', '.');
    git('-c', 'user.name=t', '-c', 'user.email=t@example.com', 'commit', '--quiet', '-m', 'second');
    for (const strategy of ['schema', 'database']) {
      await site('borealis', { database: `{ strategy: ${strategy} }` });
      const [story] = await stories();
      expect(story?.refused).toBe(true);
      expect(story?.sentences.at(-1)).toBe(`In staging: from its SQLite file to a ${strategy} of eu-1.`);
    }
  });

  it('is refused for every site that follows the settings of a stack elsewhere, and for no other', async () => {
    await site('aurora', { plan: 'starter', database: '{ strategy: schema }' });
    git('add', '.');
    git('-c', 'user.name=t', '-c', 'user.email=t@example.com', 'commit', '--quiet', '-m', 'second');
    await settings({ databaseStrategy: 'sqlite' });
    expect((await stories()).map(({ slug, refused, sentences }) => ({ slug, refused, sentences }))).toEqual([
      { slug: 'borealis', refused: true, sentences: ['In staging: from a schema of eu-1 to its SQLite file.'] },
    ]);
  });

  it('is no move where the cluster stays, whatever the words', async () => {
    await site('aurora', { plan: 'starter', database: '{ cluster: eu-1, strategy: schema }', region: 'eu' });
    expect(await stories()).toMatchObject([{ what: 'changed', refused: false, risk: undefined }]);
  });

  it('reads the settings of a commit whose form is not that of today as today has them', async () => {
    await writeFile(path.join(dir, 'stacks/Pulumi.staging.yaml'), 'config:\n  ghost-fleet:colour: blue\n');
    git('add', '.');
    git('-c', 'user.name=t', '-c', 'user.email=t@example.com', 'commit', '--quiet', '-m', 'second');
    await settings({});
    await site('aurora', { plan: 'starter', database: '{ strategy: sqlite }' });
    expect(await stories()).toMatchObject([{ slug: 'aurora', refused: true }]);
  });

  it('takes a renamed file as one site that leaves and another that comes', async () => {
    await rm(path.join(dir, 'sites/borealis.yaml'));
    await site('boreas', {});
    expect((await stories()).map(({ slug, what }) => `${slug} ${what}`)).toEqual([
      'borealis taken offline',
      'boreas created',
    ]);
  });

  it('refuses a base that git does not know, even one that looks like an option', async () => {
    for (const base of ['no-such-branch', '--output=x']) {
      await expect(compareRegistry(base, 'sites', dir)).rejects.toThrow(
        /--base: expected a commit that git knows; got/,
      );
    }
  });

  it('names files of the program, by which every site may change', async () => {
    await mkdir(path.join(dir, 'components'));
    await writeFile(path.join(dir, 'components/site.ts'), '');
    git('add', 'components');
    expect((await compareRegistry('HEAD', 'sites', dir)).program).toEqual(['components/site.ts']);
  });
});
