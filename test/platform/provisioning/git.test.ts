import { execFileSync } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { GitProvisioner } from '../../../runtime/platform/provisioning/git.ts';
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
  const checkout = await clone('checkout');
  provisioner = new GitProvisioner(
    { checkout, stack: 'production', remote: 'origin', branch: 'main', shards: 2 },
    platform.database,
  );
});

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

describe('provisioning by the repository', () => {
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
    const second = new GitProvisioner(
      { checkout: await clone('second'), stack: 'production', remote: 'origin', branch: 'main', shards: 0 },
      platform.database,
    );
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

  it('goes on in a checkout in which git was killed', async () => {
    const head = path.join(dir, 'checkout/.git/refs/heads/main.lock');
    for (const lock of [path.join(dir, 'checkout/.git/index.lock'), head]) await writeFile(lock, '');
    await provisioner.create(site('night-trains'), 'mira@example.com');
    expect(history()[0]).toBe('mira@example.com: sites: add night-trains');
  });

  it('refuses what the registry refuses, and pushes nothing', async () => {
    await provisioner.create(await provisioner.check(site('night-trains')), 'mira@example.com');
    const claimed = { ...site('day-trains'), domains: ['NIGHT-trains.example.com'] };
    await expect(provisioner.check(claimed)).rejects.toThrow('night-trains');
    await expect(provisioner.create(claimed, 'jon@example.com')).rejects.toThrow('night-trains');
    expect(history()).toHaveLength(2);
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
