import { execFileSync } from 'node:child_process';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FleetUnderTest } from '../support/fleet-process.ts';
import { runScript } from '../support/run-script.ts';
import { temporaryDir, titleOf } from '../support/site-process.ts';

const yaml = (slug: string, title: string, extra = '') =>
  `slug: ${slug}\ncreator: mira@example.com\ntitle: ${title}\ndomains: [${slug}.example.com, www.${slug}.example.org]\nplan: starter\n${extra}`;

/** Processes of this machine whose command line or environment names `text`. */
function processesOf(text: string): string[] {
  const list = execFileSync('ps', ['-eo', 'pid,args'], { encoding: 'utf8' });
  return list.split('\n').filter((line) => line.includes(text));
}

let files: { dir: string; remove: () => Promise<void> };
let sitesDir: string;
let stateDir: string;
let fleet: FleetUnderTest;
beforeAll(async () => {
  files = await temporaryDir();
  sitesDir = path.join(files.dir, 'sites');
  stateDir = path.join(files.dir, 'state');
  await mkdir(sitesDir);
  await writeFile(path.join(sitesDir, 'first-light.yaml'), yaml('first-light', 'First Light'));
  await writeFile(path.join(sitesDir, 'second-wind.yaml'), yaml('second-wind', 'Second Wind'));
  await writeFile(path.join(sitesDir, 'at-rest.yaml'), yaml('at-rest', 'At Rest', 'state: paused\n'));
});
afterAll(async () => {
  await fleet?.stop();
  await files.remove();
});

describe('npm start', () => {
  it('ends in a table of the registry, and each domain answers with its own title', async () => {
    fleet = await FleetUnderTest.start({ sitesDir, stateDir });
    const table = await fleet.table();
    expect(table).toMatch(
      /first-light +http:\/\/first-light\.localhost:\d+ +http:\/\/first-light\.localhost:\d+\/ghost\/ +sqlite data\/first-light-ghost\.db +ready/,
    );
    expect(table).toMatch(/second-wind .* ready/);
    expect(table).toMatch(/at-rest .* paused/);
    for (const host of ['first-light.localhost', 'first-light.example.com', 'WWW.First-Light.Example.ORG.:80']) {
      expect(titleOf(await fleet.get(host)), host).toBe('First Light');
    }
    expect(titleOf(await fleet.get('second-wind.example.com'))).toBe('Second Wind');
  });

  it('answers for what it does not run: unknown hosts, paused sites, the platform', async () => {
    const unknown = await fleet.get('nobody.example.com');
    expect([unknown.status, unknown.body.includes('First Light')]).toEqual([404, true]);
    const paused = await fleet.get('at-rest.example.com');
    expect([paused.status, paused.headers['retry-after'], paused.body.includes('Nothing is lost')]).toEqual([
      503,
      '3600',
      true,
    ]);
    expect((await fleet.get('localhost')).body).toContain('2 of 3 sites ready');
  });

  it('brings a new site up without a restart, and reports an invalid one without touching the others', async () => {
    await writeFile(path.join(sitesDir, 'broken.yaml'), 'slug: broken\nplan: gold\n');
    await fleet.waitFor(() =>
      fleet.output.includes('broken.yaml:2 plan: expected one of starter, studio, publisher; got "gold"'),
    );
    await writeFile(path.join(sitesDir, 'third-rail.yaml'), yaml('third-rail', 'Third Rail'));
    await fleet.waitFor(async () => (await fleet.stateOf('third-rail')) === 'ready');
    expect(titleOf(await fleet.get('third-rail.example.com'))).toBe('Third Rail');
    expect((await fleet.sites()).map((site) => site.slug)).toEqual([
      'at-rest',
      'first-light',
      'second-wind',
      'third-rail',
    ]);
    await rm(path.join(sitesDir, 'broken.yaml'));
  });

  it('leaves a running site as it is while its file is broken', async () => {
    await writeFile(path.join(sitesDir, 'second-wind.yaml'), 'slug: [oops\n');
    await fleet.waitFor(() => fleet.output.includes('second-wind.yaml:2: expected valid YAML'));
    expect(titleOf(await fleet.get('second-wind.example.com'))).toBe('Second Wind');
    await writeFile(path.join(sitesDir, 'second-wind.yaml'), yaml('second-wind', 'Second Wind'));
  });

  it('restarts a site that is killed, while the others answer throughout', async () => {
    const before = fleet.output.length;
    const answers: number[] = [];
    let killed = false;
    const asking = (async () => {
      while (!killed || (await fleet.stateOf('first-light')) !== 'ready') {
        answers.push((await fleet.get('second-wind.example.com')).status);
        await sleep(50);
      }
    })();
    const [line = ''] = processesOf('runtime/site/entrypoint.ts').filter(
      (process) => readSlug(process) === 'first-light' && stateOf(process) === stateDir,
    );
    process.kill(Number.parseInt(line, 10), 'SIGKILL');
    await fleet.waitFor(() =>
      fleet.output.slice(before).includes('first-light: crashed (killed by SIGKILL; restarting in 1 s)'),
    );
    killed = true;
    const away = await fleet.get('first-light.example.com');
    expect([away.status, away.headers['retry-after']]).toEqual([503, '2']);
    await asking;
    expect(titleOf(await fleet.get('first-light.example.com'))).toBe('First Light');
    expect(answers.length).toBeGreaterThan(10);
    expect(new Set(answers)).toEqual(new Set([200]));
  });

  it('shows what each site is doing, and copies one that serves', async () => {
    const env = { GHOST_FLEET_STATE: stateDir };
    const copied = await runScript('scripts/site-backup.ts', ['first-light', '--sites', sitesDir], env);
    expect(copied.exitCode, copied.stderr).toBe(0);
    const { exitCode, stdout } = await runScript('scripts/site-status.ts', ['--sites', sitesDir, '--json'], env);
    const rows = JSON.parse(stdout) as Record<string, unknown>[];
    expect(exitCode).toBe(0);
    expect(rows.find(({ site }) => site === 'first-light')).toEqual({
      site: 'first-light',
      state: 'ready',
      version: expect.stringMatching(/^\d+\.\d+\.\d+$/),
      database: 'sqlite data/first-light-ghost.db',
      replicas: '1/1',
      restarts: 1,
      lastBackup: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:]{8}Z$/),
      url: `http://first-light.localhost:${fleet.port}`,
    });
    expect(rows.find(({ site }) => site === 'at-rest')).toMatchObject({ state: 'paused', replicas: '0/0' });
    const unknown = await runScript('scripts/site-status.ts', ['nobody', '--sites', sitesDir], env);
    expect([unknown.exitCode, unknown.stderr]).toEqual([
      78,
      expect.stringMatching(/expected one of at-rest, .*; got nobody/),
    ]);
  });

  it('stops a site that leaves the registry and keeps its data', async () => {
    await rm(path.join(sitesDir, 'third-rail.yaml'));
    await fleet.waitFor(() => fleet.output.includes('third-rail: left the registry: stopped, its data is kept'));
    expect((await fleet.get('third-rail.example.com')).status).toBe(404);
    expect(await readdir(path.join(stateDir, 'sites/third-rail/data'))).toContain('third-rail-ghost.db');
  });

  it('refuses a second fleet on the same state, and a port that is taken', async () => {
    const second = await runScript('scripts/start.ts', ['--sites', sitesDir, '--port', '1'], {
      GHOST_FLEET_STATE: stateDir,
    });
    expect([second.exitCode, second.stderr]).toEqual([
      78,
      expect.stringMatching(/expected no other fleet; process \d+ runs one there/),
    ]);
    const taken = await runScript('scripts/start.ts', ['--sites', sitesDir, '--port', String(fleet.port)], {
      GHOST_FLEET_STATE: path.join(files.dir, 'other'),
    });
    expect([taken.exitCode, taken.stderr]).toEqual([78, expect.stringMatching(/expected a free port; \d+ is in use/)]);
  });

  it('stops everything on Ctrl-C, and finds the data when it is started again', async () => {
    expect(await fleet.stop()).toBe(0);
    expect(processesOf(stateDir)).toEqual([]);
    expect(processesOf('runtime/site/entrypoint.ts').filter((line) => stateOf(line) === stateDir)).toEqual([]);
    fleet = await FleetUnderTest.start({ sitesDir, stateDir, args: ['--only', 'first-light'] });
    expect(await fleet.table()).not.toContain('second-wind');
    expect(titleOf(await fleet.get('first-light.example.com'))).toBe('First Light');
    expect(await readFile(path.join(stateDir, 'logs/first-light.log'), 'utf8')).toMatch(
      /initialising an empty database[\s\S]*"msg":"serving"[\s\S]*"msg":"serving"/,
    );
    expect(
      (await readFile(path.join(stateDir, 'logs/first-light.log'), 'utf8')).match(/initialising an empty database/g),
    ).toHaveLength(1);
    await fleet.stop();
  });

  it('sets the data of a site aside on --reset, and asks for --yes where it cannot ask', async () => {
    const refused = await runScript('scripts/start.ts', ['--sites', sitesDir, '--reset', 'first-light'], {
      GHOST_FLEET_STATE: stateDir,
    });
    expect([refused.exitCode, refused.stderr]).toEqual([
      78,
      expect.stringContaining('--reset first-light: expected --yes where nobody can be asked'),
    ]);
    fleet = await FleetUnderTest.start({
      sitesDir,
      stateDir,
      args: ['--only', 'first-light', '--reset', 'first-light', '--yes'],
    });
    await fleet.table();
    const [aside = ''] = await readdir(path.join(stateDir, 'reset'));
    expect(aside).toMatch(/^first-light-/);
    expect(await readdir(path.join(stateDir, 'reset', aside, 'data'))).toContain('first-light-ghost.db');
    await fleet.stop();
  });

  it('leaves no site behind when it is killed', async () => {
    fleet = await FleetUnderTest.start({ sitesDir, stateDir, args: ['--only', 'second-wind'] });
    await fleet.table();
    fleet.child.kill('SIGKILL');
    const left = () => processesOf('runtime/site/entrypoint.ts').filter((line) => stateOf(line) === stateDir);
    for (let tries = 0; tries < 100 && left().length > 0; tries += 1) await sleep(100);
    expect(left()).toEqual([]);
    // The next start shuts the orphaned PostgreSQL down and goes on with its data.
    fleet = await FleetUnderTest.start({ sitesDir, stateDir, args: ['--only', 'second-wind'] });
    expect(await fleet.table()).toContain('ready');
    await fleet.stop();
  });
});

describe('npm start -- --database database', () => {
  it("clones a database for each site, one added meanwhile too, and keeps the role of one out of the other's", async () => {
    const state = path.join(files.dir, 'postgres-state');
    const registry = path.join(files.dir, 'postgres-sites');
    await mkdir(registry);
    await writeFile(path.join(registry, 'first-light.yaml'), yaml('first-light', 'First Light'));
    fleet = await FleetUnderTest.start({ sitesDir: registry, stateDir: state, args: ['--database', 'database'] });
    await fleet.table();
    await writeFile(path.join(registry, 'second-wind.yaml'), yaml('second-wind', 'Second Wind'));
    await fleet.waitFor(() => fleet.output.includes('second-wind: ready'), 120_000);
    // Cloned, both, from one template.
    for (const slug of ['first-light', 'second-wind']) {
      const log = await readFile(path.join(state, 'logs', `${slug}.log`), 'utf8');
      expect(log).not.toContain('initialising an empty database');
    }
    expect((await fleet.sites()).map((site) => site.database)).toEqual([
      'postgres ghost_site_first_light',
      'postgres ghost_site_second_wind',
    ]);
    expect(titleOf(await fleet.get('second-wind.example.com'))).toBe('Second Wind');

    const port = Number(/PostgreSQL for the platform on port (\d+)/.exec(fleet.output)?.[1]);
    const secret = (name: string) => readFile(path.join(state, name), 'utf8');
    const connect = async (user: string, password: string, database: string) => {
      const client = new pg.Client({ host: '127.0.0.1', port, user, password: password.trim(), database });
      try {
        await client.connect();
        const { rows } = await client.query<{ name: string }>(
          "select datname as name from pg_database where datname like 'ghost_site_%' order by 1",
        );
        return rows.map((row) => row.name);
      } catch (error) {
        return (error as Error).message;
      } finally {
        await client.end();
      }
    };
    const databases = ['ghost_site_first_light', 'ghost_site_second_wind'];
    expect(await connect('postgres', await secret('postgres/data.password'), 'postgres')).toEqual(databases);
    const password = await secret('secrets/first-light-database-password');
    expect(await connect('site_first_light', password, 'ghost_site_first_light')).toEqual(databases);
    expect(await connect('site_first_light', password, 'ghost_site_second_wind')).toBe(
      'permission denied for database "ghost_site_second_wind"',
    );
    const choice = ['--database', 'database', '--sites', registry];
    const copied = await runScript('scripts/site-backup.ts', ['first-light', ...choice], { GHOST_FLEET_STATE: state });
    expect(copied.exitCode, copied.stderr).toBe(0);
    await fleet.stop();
    const stopped = await runScript('scripts/site-status.ts', ['first-light', '--sites', registry, '--json'], {
      GHOST_FLEET_STATE: state,
    });
    expect(stopped.exitCode).toBe(1);
    expect(JSON.parse(stopped.stdout)).toMatchObject([
      { state: 'stopped', replicas: '0/1', lastBackup: expect.stringMatching(/^20/) },
    ]);
  });
});

/** What a site's process was told, from the environment that the system shows of it. */
function environmentOf(line: string): Record<string, string> {
  try {
    const text = execFileSync('cat', [`/proc/${Number.parseInt(line, 10)}/environ`], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    return Object.fromEntries(
      text.split('\0').map((entry) => [entry.slice(0, entry.indexOf('=')), entry.slice(entry.indexOf('=') + 1)]),
    );
  } catch {
    return {};
  }
}

function readSlug(line: string): string | undefined {
  return environmentOf(line).SITE_SLUG;
}

function stateOf(line: string): string | undefined {
  return environmentOf(line).CONTENT_PATH?.replace(/\/sites\/[^/]+$/, '');
}
