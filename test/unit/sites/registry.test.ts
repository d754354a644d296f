import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { clustersOf, readStacks } from '../../../scripts/registry/clusters.ts';
import { changeSite } from '../../../sites/candidate.ts';
import { formatProblem, loadRegistry, RegistryError, requireRegistry } from '../../../sites/registry.ts';
import { runScript } from '../../support/run-script.ts';
import { brokenEntries } from './broken-entries.ts';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(path.join(tmpdir(), 'registry-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const yaml = (slug: string, domain = `${slug}.example.com`) =>
  `slug: ${slug}\ncreator: mira@example.com\ntitle: ${slug}\ndomains: [${domain}]\nplan: studio\n`;
const write = (name: string, content: string | Buffer) => writeFile(path.join(dir, name), content);

describe('the registry', () => {
  it('of this repository is sound and has three sites of two creators at least', async () => {
    const { sites } = await requireRegistry('sites', { clusters: clustersOf(await readStacks(undefined)) });
    expect(sites.length).toBeGreaterThanOrEqual(3);
    expect(new Set(sites.map((site) => site.creator)).size).toBeGreaterThanOrEqual(2);
  });

  it('gives the sound sites by slug, whatever else lies in the folder', async () => {
    await write('b-site.yaml', yaml('b-site'));
    await write('a-site.yaml', yaml('a-site'));
    await write('site.schema.json', '{}');
    await write('README.md', 'not an entry');
    await write('c-site.yaml', 'slug: c-site\n');
    const registry = await loadRegistry(dir);
    expect(registry.sites.map((site) => site.slug)).toEqual(['a-site', 'b-site']);
    expect(registry.brokenSlugs).toEqual(['c-site']);
    expect(registry.problems.map((problem) => problem.path)).toEqual(['creator', 'title', 'domains', 'plan']);
    await expect(requireRegistry(dir)).rejects.toThrow(RegistryError);
  });

  it('refuses a domain that another site has in another spelling', async () => {
    await write('a-site.yaml', yaml('a-site', 'bücher.example'));
    await write('b-site.yaml', yaml('b-site', 'XN--BCHER-KVA.example.'));
    const { problems, sites } = await loadRegistry(dir);
    expect(problems.map(formatProblem)).toEqual([
      `${dir}/b-site.yaml:4 domains[0]: expected a domain that ${dir}/a-site.yaml does not have; got "xn--bcher-kva.example"`,
    ]);
    expect(sites.map((site) => site.slug)).toEqual(['a-site']);
  });

  it('refuses a domain twice in one site and one below .localhost', async () => {
    await write('a-site.yaml', yaml('a-site', 'a.example.com, A.example.com, b-site.localhost'));
    const { problems } = await loadRegistry(dir);
    expect(problems.map(formatProblem)).toEqual([
      `${dir}/a-site.yaml:4 domains[1]: expected each domain once; got "a.example.com"`,
      `${dir}/a-site.yaml:4 domains[2]: expected a public host name (names below .localhost are derived from slugs); got "b-site.localhost"`,
    ]);
  });

  it('does not follow links, open folders or take prototype keys for data', async () => {
    await symlink('loop.yaml', path.join(dir, 'loop.yaml'));
    await mkdir(path.join(dir, 'folder.yaml'));
    await write('proto.yaml', `${yaml('proto')}__proto__: { plan: gold }\n`);
    const { problems } = await loadRegistry(dir);
    expect(problems.map(formatProblem).map((line) => line.slice(dir.length + 1))).toEqual([
      'folder.yaml:1: expected a regular file; got a folder',
      'loop.yaml:1: expected a regular file; got a symbolic link',
      expect.stringMatching(/^proto\.yaml:6 __proto__: expected one of the keys .*; got the key "__proto__"$/),
    ]);
  });
});

describe('npm run site:check', () => {
  it(`prints one precise line for each of ${brokenEntries.length} broken entries, exits 78 and writes nothing`, async () => {
    expect(brokenEntries.length).toBeGreaterThanOrEqual(25);
    for (const { name, content } of brokenEntries) await write(name, content);
    await write('taken-first.yaml', yaml('taken-first'));
    const before = await readdir(dir);

    const { exitCode, stdout, stderr } = await runScript('scripts/site-check.ts', ['--sites', dir]);

    const expected = brokenEntries.map(({ name, line }) => `${dir}/${name}:${line.replace('DIR', dir)}`);
    expect(stderr.trim().split('\n').sort()).toEqual(expected.sort());
    expect(exitCode).toBe(78);
    expect(stdout).toBe('');
    expect(await readdir(dir)).toEqual(before);
  });

  it('accepts a sound registry and says what is in it', async () => {
    await write('a-site.yaml', yaml('a-site'));
    const { exitCode, stdout } = await runScript('scripts/site-check.ts', ['--sites', dir]);
    expect([exitCode, stdout]).toEqual([0, `${dir}: 1 sites of 1 creators with 1 domains, no problems\n`]);
  });

  it('says which folder or stack is not there', async () => {
    const missing = await runScript('scripts/site-check.ts', ['--sites', path.join(dir, 'nowhere')]);
    expect([missing.exitCode, missing.stderr]).toEqual([78, expect.stringContaining(path.join(dir, 'nowhere'))]);
    const stack = await runScript('scripts/site-check.ts', ['--stack', 'moon']);
    expect([stack.exitCode, stack.stderr]).toEqual([
      78,
      'stacks: expected one of the stacks dev, production, staging; got "moon"\n',
    ]);
  });
});

describe('npm run site:add', () => {
  const args = (slug: string, ...more: string[]) => [
    slug,
    '--creator',
    'Mira@Example.com',
    '--plan',
    'studio',
    '--sites',
    dir,
    '--yes',
    ...more,
  ];

  it('writes an entry that the registry accepts', async () => {
    const { exitCode, stdout } = await runScript(
      'scripts/site-add.ts',
      args('night-trains', '--domain', 'night.example.com', '--domain', 'www.night.example.com'),
    );
    expect([exitCode, stdout]).toEqual([0, `wrote ${dir}/night-trains.yaml\n`]);
    const { sites } = await requireRegistry(dir);
    expect(sites).toEqual([
      {
        slug: 'night-trains',
        creator: 'mira@example.com',
        title: 'Night Trains',
        domains: ['night.example.com', 'www.night.example.com'],
        plan: 'studio',
        state: 'active',
      },
    ]);
    expect(await readFile(path.join(dir, 'night-trains.yaml'), 'utf8')).toMatch(/^# yaml-language-server: \$schema=/);
  });

  it('refuses what the whole registry would refuse and leaves the folder as it was', async () => {
    await write('zebra-post.yaml', yaml('zebra-post', 'shared.example.com'));
    const { exitCode, stderr } = await runScript(
      'scripts/site-add.ts',
      args('early-bird', '--domain', 'SHARED.example.com'),
    );
    expect(stderr).toBe(
      `${dir}/early-bird.yaml:6 domains[0]: expected a domain that ${dir}/zebra-post.yaml does not have; got "shared.example.com"\n`,
    );
    expect(exitCode).toBe(78);
    expect(await readdir(dir)).toEqual(['zebra-post.yaml']);
  });

  it('never overwrites an entry', async () => {
    await write('a-site.yaml', yaml('a-site'));
    const { exitCode, stderr } = await runScript('scripts/site-add.ts', args('a-site', '--domain', 'new.example.com'));
    expect([exitCode, stderr]).toEqual([78, `${dir}/a-site.yaml:1: expected no such file; got one that exists\n`]);
    expect(await readFile(path.join(dir, 'a-site.yaml'), 'utf8')).toBe(yaml('a-site'));
  });

  it('names everything that is missing at once where it cannot ask', async () => {
    const { exitCode, stderr } = await runScript('scripts/site-add.ts', ['--sites', dir]);
    expect(exitCode).toBe(78);
    expect(stderr.split('\n').slice(0, 4)).toEqual([
      '<slug>: expected a value; got none',
      '--creator: expected a value; got none',
      '--domain: expected a value; got none',
      '--plan: expected a value; got none',
    ]);
  });

  it('cannot be talked into writing outside the registry', async () => {
    const { exitCode } = await runScript('scripts/site-add.ts', args('../escaped', '--domain', 'e.example.com'));
    expect(exitCode).toBe(78);
    expect(await readdir(dir)).toEqual([]);
  });
});

describe('a change of an entry', () => {
  it('keeps its comments and its other keys', async () => {
    await write('a-site.yaml', `# of the first hour\n${yaml('a-site')}theme: casper # for now\n`);
    const site = await changeSite(dir, 'a-site', { plan: 'publisher', state: 'paused' }, []);
    expect([site.plan, site.state]).toEqual(['publisher', 'paused']);
    const text = await readFile(path.join(dir, 'a-site.yaml'), 'utf8');
    expect(text).toContain('# of the first hour');
    expect(text).toContain('theme: casper # for now');
    expect(text).toContain('plan: publisher');
  });

  it('is refused, and nothing written, where the registry would not be sound', async () => {
    await write('a-site.yaml', yaml('a-site'));
    await write('b-site.yaml', yaml('b-site'));
    const change = changeSite(dir, 'a-site', { domains: ['B-SITE.example.com'] }, []);
    await expect(change).rejects.toThrow(RegistryError);
    expect(await readFile(path.join(dir, 'a-site.yaml'), 'utf8')).toBe(yaml('a-site'));
    expect((await readdir(dir)).sort()).toEqual(['a-site.yaml', 'b-site.yaml']);
  });
});
