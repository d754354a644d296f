import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { GitProvisioner } from '../../../runtime/platform/provisioning/git.ts';
import { GitCheckout } from '../../../runtime/platform/provisioning/git-checkout.ts';
import { RemoteRepository } from '../../../runtime/platform/provisioning/remote-repository.ts';
import { updateElsewhere, updateInCheckout } from '../../../runtime/platform/provisioning/stack-update.ts';
import type { WorkingTree } from '../../../runtime/platform/provisioning/working-tree.ts';
import { registerSite } from '../../support/analytics-fleet.ts';
import { GitServer } from '../../support/git-server.ts';
import { usePlatformDatabase } from '../../support/platform-database.ts';

const platform = usePlatformDatabase();
const site = (slug: string) => ({
  slug,
  creator: 'mira@example.com',
  title: slug,
  domains: [`${slug}.example.com`],
  plan: 'studio' as const,
});
const never = new AbortController().signal;

let number = 0;
let dir: string;
let remote: string;
let provisioner: GitProvisioner;
beforeEach(async () => {
  number += 1;
  dir = path.join(platform.dir, `repository-${number}`);
  remote = path.join(dir, 'remote.git');
  await mkdir(remote, { recursive: true });
  git(remote, 'init', '--quiet', '--bare', '--initial-branch=main');
  const seed = await clone('seed');
  await mkdir(path.join(seed, 'sites'));
  await writeFile(path.join(seed, 'sites/.gitkeep'), '');
  // What stands in for the engine: it says what it was asked to do, or fails.
  const up = 'node -e "console.log(process.argv.slice(1).join(\' \')); process.exit(process.env.UP_FAILS ? 3 : 0)" --';
  await writeFile(path.join(seed, 'package.json'), JSON.stringify({ name: 'checkout', scripts: { up } }));
  commitAll(seed, 'the beginning');
});

/** A working tree of a process of the platform's, in a folder of that name. */
type OpenTree = (name: string) => Promise<WorkingTree>;

const openCheckout: OpenTree = async (name) =>
  new GitCheckout({ dir: await clone(name), remote: 'origin', branch: 'main', folder: 'sites' });
const openRemote: OpenTree = async (name) => new RemoteRepository(path.join(dir, name), remoteArgs());

const token = 'a token of the repository';
let server: GitServer;
beforeAll(async () => {
  server = await GitServer.start(platform.dir, token);
});
afterAll(() => server.stop());

function remoteArgs() {
  const url = `${server.url}/${path.basename(dir)}/remote.git`;
  return { url, branch: 'main', folder: 'sites', user: 'x-access-token', token };
}

const provisionerOf = (tree: WorkingTree, shards = 2) =>
  new GitProvisioner({ tree, stack: 'production', shards, update: updateElsewhere }, platform.database);

function git(cwd: string, ...args: string[]): string {
  const identity = ['-c', 'user.name=somebody', '-c', 'user.email=somebody@example.com'];
  return execFileSync('git', [...identity, ...args], { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
}

async function clone(name: string): Promise<string> {
  git(dir, 'clone', '--quiet', remote, name);
  return path.join(dir, name);
}

function commitAll(cwd: string, message: string): void {
  git(cwd, 'add', '-A');
  git(cwd, 'commit', '--quiet', '-m', message);
  git(cwd, 'push', '--quiet', 'origin', 'HEAD:main');
}

const history = () => git(remote, 'log', '--format=%an: %s', 'main').trim().split('\n');

describe.each([
  ['a checkout', openCheckout],
  ['a repository elsewhere', openRemote],
] as const)('provisioning by %s', (_kind, open) => {
  beforeEach(async () => {
    provisioner = provisionerOf(await open('mine'));
  });

  it('pushes a new site as a commit of who asked for it, in the emptiest shard, once', async () => {
    const checked = await provisioner.check(site('night-trains'));
    expect(checked.shard).toBe(0);
    await provisioner.create(checked, 'mira@example.com');
    await provisioner.create(checked, 'mira@example.com');
    expect(history()).toEqual(['mira@example.com: sites: add night-trains', 'somebody: the beginning']);
    const next = await provisioner.check(site('day-trains'));
    expect(next.shard).toBe(1);
    // One that is asked for counts once, whether it has its file or not.
    expect((await provisioner.check(site('dusk-trains'), [checked, next])).shard).toBe(0);
    expect(provisioner.laneOf(checked)).toBe('production-00');
    expect(await provisioner.laneOfSite('night-trains')).toBe('production-00');
    await expect(provisioner.laneOfSite('no-trains')).rejects.toThrow('no-trains is not in the registry');
  });

  it('takes over what somebody else pushed, and keeps what they wrote', async () => {
    await provisioner.create(await provisioner.check(site('night-trains')), 'mira@example.com');
    const other = await clone('other');
    const file = path.join(other, 'sites/night-trains.yaml');
    await writeFile(file, `${await readFile(file, 'utf8')}theme: casper # by hand\n`);
    commitAll(other, 'another theme');
    await provisioner.change('night-trains', { plan: 'publisher' }, 'mira@example.com');
    git(other, 'pull', '--quiet', 'origin', 'main');
    const text = await readFile(file, 'utf8');
    expect(text).toContain('plan: publisher');
    expect(text).toContain('theme: casper # by hand');
  });

  it('pushes both of two changes that are made at once by two processes', async () => {
    const second = provisionerOf(await open('second'), 0);
    await Promise.all([
      provisioner.create(site('night-trains'), 'mira@example.com'),
      second.create(site('slow-ferries'), 'jon@example.com'),
    ]);
    expect(history().sort()).toEqual([
      'jon@example.com: sites: add slow-ferries',
      'mira@example.com: sites: add night-trains',
      'somebody: the beginning',
    ]);
  });

  it('refuses what the registry refuses, and pushes nothing', async () => {
    await provisioner.create(await provisioner.check(site('night-trains')), 'mira@example.com');
    const claimed = { ...site('day-trains'), domains: ['NIGHT-trains.example.com'] };
    await expect(provisioner.check(claimed)).rejects.toThrow('night-trains');
    await expect(provisioner.create(claimed, 'jon@example.com')).rejects.toThrow('night-trains');
    expect(history()).toHaveLength(2);
  });
});

describe('provisioning by a checkout', () => {
  beforeEach(async () => {
    const tree = await openCheckout('checkout');
    const update = updateInCheckout(path.join(dir, 'checkout'));
    provisioner = new GitProvisioner({ tree, stack: 'production', shards: 2, update }, platform.database);
  });

  it('leaves the registry alone while an update reads it', async () => {
    const slow = "node -e \"setTimeout(() => console.log(require('fs').readdirSync('sites').length), 1500)\" --";
    const seed = path.join(dir, 'seed');
    await writeFile(path.join(seed, 'package.json'), JSON.stringify({ name: 'checkout', scripts: { up: slow } }));
    commitAll(seed, 'a slow update');
    await provisioner.create({ ...site('night-trains'), shard: 1 }, 'mira@example.com');
    const lines: string[] = [];
    const update = provisioner.apply('night-trains', async (line) => void lines.push(line), never);
    await provisioner.create({ ...site('slow-ferries'), shard: 1 }, 'jon@example.com');
    await update;
    expect(lines.at(-1)).toBe('2');
    await provisioner.apply('slow-ferries', async (line) => void lines.push(line), never);
    expect(lines.at(-1)).toBe('3');
  });

  it('goes on in a checkout in which git was killed', async () => {
    const head = path.join(dir, 'checkout/.git/refs/heads/main.lock');
    for (const lock of [path.join(dir, 'checkout/.git/index.lock'), head]) await writeFile(lock, '');
    await provisioner.create(site('night-trains'), 'mira@example.com');
    expect(history()[0]).toBe('mira@example.com: sites: add night-trains');
  });

  it("runs the update of the site's own stack, and tells its lines", async () => {
    await provisioner.create({ ...site('night-trains'), shard: 1 }, 'mira@example.com');
    const lines: string[] = [];
    await provisioner.apply('night-trains', async (line) => void lines.push(line), never);
    expect(lines.at(-1)).toBe('--stack production-01 --yes');
    process.env.UP_FAILS = 'yes';
    try {
      const failing = provisioner.apply('night-trains', async () => undefined, never);
      await expect(failing).rejects.toThrow('exit code 3');
    } finally {
      delete process.env.UP_FAILS;
    }
  });
});

describe('provisioning by a repository elsewhere', () => {
  it('waits until a change is registered, not only the site that it is of', async () => {
    const entry = { slug: 'quiet-trains', creator: 'mira@example.com', state: 'paused' } as const;
    await registerSite(platform.database, entry);
    const wanted = { ...entry, creator: 'jon@example.com', plan: 'studio' as const, domains: [] };
    let url: string | undefined;
    const waiting = provisionerOf(await openRemote('mine'))
      .waitUntilReady(wanted, AbortSignal.timeout(20_000))
      .then((found) => {
        url = found;
      });
    await sleep(500);
    expect(url).toBeUndefined();
    await registerSite(platform.database, { ...entry, creator: 'jon@example.com' });
    await waiting;
    expect(url).toBe('https://quiet-trains.example.com');
  });

  it('changes nothing of the repository but the entry', async () => {
    const seed = path.join(dir, 'seed');
    await writeFile(path.join(seed, 'run.sh'), 'exit 0\n', { mode: 0o755 });
    await writeFile(path.join(seed, 'sites/schema.ts'), 'export {};\n');
    commitAll(seed, 'more than entries');
    await provisionerOf(await openRemote('mine')).create(site('night-trains'), 'mira@example.com');
    expect(git(remote, 'diff-tree', '-r', '--name-status', 'main~1', 'main').trim()).toBe('A\tsites/night-trains.yaml');
    expect(git(remote, 'log', '-1', '--format=%cn <%ce>', 'main').trim()).toBe(
      'ghost-fleet platform <platform@localhost>',
    );
    expect(git(remote, 'fsck', '--strict')).toBe('');
  });

  it('finds a registry in a folder of a folder', async () => {
    const seed = path.join(dir, 'seed');
    await mkdir(path.join(seed, 'ops/registry'), { recursive: true });
    await writeFile(path.join(seed, 'ops/registry/.gitkeep'), '');
    commitAll(seed, 'another registry');
    const tree = new RemoteRepository(path.join(dir, 'mine'), { ...remoteArgs(), folder: 'ops/registry' });
    await provisionerOf(tree).create(site('night-trains'), 'mira@example.com');
    const changed = git(remote, 'diff-tree', '-r', '--name-status', 'main~1', 'main').trim();
    expect(changed).toBe('A\tops/registry/night-trains.yaml');
  });

  it('leaves what an interrupted change wrote', async () => {
    const tree = new RemoteRepository(path.join(dir, 'mine'), remoteArgs());
    await tree.pull();
    await writeFile(path.join(tree.registry, 'half.yaml'), 'slug: ha');
    await writeFile(path.join(tree.registry, '.half.yaml.17'), 'slug');
    await provisionerOf(tree).create(site('night-trains'), 'mira@example.com');
    expect(await readdir(tree.registry)).toEqual(['night-trains.yaml']);
    await tree.close();
    expect(existsSync(tree.registry)).toBe(false);
  });

  it.each([
    ['a token that is refused', { token: 'a wrong token' }, /expected a token that may read and push; it is refused/],
    ['no token where one is needed', { token: undefined }, /401|canceled/],
    ['a branch that is not there', { branch: 'release' }, /release/],
    ['a repository that is not there', { url: 'http://127.0.0.1:9/no.git' }, /ECONNREFUSED/],
  ])('names %s, and no token', async (_what, wrong, reason) => {
    const tree = new RemoteRepository(path.join(dir, 'mine'), { ...remoteArgs(), ...wrong });
    const error = await tree.pull().then(
      () => undefined,
      (thrown: Error) => thrown,
    );
    expect(error?.message).toMatch(reason);
    expect(error?.message).not.toContain('token of the repository');
    expect(error?.message).not.toContain('a wrong token');
  });
});
