import { cp, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectSqlite } from '../../../scripts/dataset/connections.ts';
import { apiKeys } from '../../conformance/database.ts';
import { runBackupCommand } from '../../support/backup-command.ts';
import { findDifferences, readContentApi, withoutOrder } from '../../support/content-api.ts';
import { GhostAdmin } from '../../support/ghost-admin.ts';
import { startObjectStorage, type TestObjectStorage } from '../../support/object-storage.ts';
import { runScript } from '../../support/run-script.ts';
import { SiteUnderTest, siteEnvironment } from '../../support/site-process.ts';
import { useTestServer } from '../../support/test-server.ts';
import { fillSource, owner, runTransfer, setUpSite } from '../../support/transfer-source.ts';

const shared = useTestServer();
const quiet = {
  ...{ mail__transport: 'stub', privacy__useUpdateCheck: 'false', privacy__useGravatar: 'false' },
  security__staffDeviceVerification: 'false',
};
const picture = Buffer.from('not a picture, but it has to come back\n');
let s3: TestObjectStorage;

/** The site on SQLite, which goes on running while it is copied. */
let origin: SiteUnderTest;
let answers: ReadonlyMap<string, string>;
let backups: string;

async function environment(slug: string, strategy: 'sqlite' | 'schema' | 'database'): Promise<Record<string, string>> {
  const { dir, server } = shared;
  return { ...(await siteEnvironment({ slug, title: slug, dir, strategy, server })), ...quiet };
}

/** Runs the command for the site that an environment describes; the test runner's own NODE_ENV means something else to Ghost. */
function run(
  command: 'backup' | 'restore',
  slug: string,
  env: Readonly<Record<string, string>>,
  args: readonly string[],
) {
  return runScript(`scripts/site-${command}.ts`, [slug, '--environment', ...args], { ...env, NODE_ENV: 'production' });
}

function restoreInto(
  env: Readonly<Record<string, string>>,
  from: string,
  target: string,
  args: readonly string[] = [],
) {
  return run('restore', from, env, ['--as', String(env.SITE_SLUG), '--target', target, ...args]);
}

/** Asserts that a site has the origin's content, staff, pictures and redirects. */
async function expectContent(env: Readonly<Record<string, string>>, options: { ordered: boolean }): Promise<void> {
  const site = await new SiteUnderTest(env).ready();
  try {
    const found = await readContentApi(Number(env.PORT), String(env.SITE_URL), apiKeys.content);
    const shape = (all: ReadonlyMap<string, string>) => (options.ordered ? all : withoutOrder(all));
    expect(findDifferences(shape(found), shape(answers))).toEqual([]);
    const served = await site.get('/content/images/2026/11/train.txt');
    expect([served.status, served.body]).toEqual([200, picture.toString()]);
    expect((await site.get('/old-train')).status).toBe(301);
    await new GhostAdmin(env).signIn(owner);
  } finally {
    await site.stop();
  }
}

beforeAll(async () => {
  s3 = await startObjectStorage(shared.dir);
  backups = path.join(shared.dir, 'backups');
  const env = await environment('origin', 'sqlite');
  const first = await new SiteUnderTest(env).ready();
  await setUpSite(Number(env.PORT), String(env.SITE_URL));
  await first.stop();
  const knex = connectSqlite(path.join(String(env.CONTENT_PATH), 'data/origin-ghost.db'));
  await fillSource(knex, { members: 300 });
  await knex.destroy();
  const images = path.join(String(env.CONTENT_PATH), 'images/2026/11');
  await mkdir(images, { recursive: true });
  await writeFile(path.join(images, 'train.txt'), picture);
  const redirects = JSON.stringify([{ from: '^/old-train', to: '/new', permanent: true }]);
  await writeFile(path.join(String(env.CONTENT_PATH), 'data/redirects.json'), redirects);
  origin = await new SiteUnderTest(env).ready();
  answers = await readContentApi(Number(env.PORT), String(env.SITE_URL), apiKeys.content);
}, 400_000);
afterAll(async () => {
  await origin?.stop();
  await s3?.stop();
});

describe('a backup of a site on SQLite', () => {
  let id: string;

  it('is taken while the site serves', async () => {
    const { exitCode, stdout, stderr } = await run('backup', 'origin', origin.env, ['--target', backups]);
    expect(exitCode, stderr).toBe(0);
    expect(stdout).toMatch(/^origin: backup \d{8}T\d{6}Z of Ghost [\d.]+ in .*: database and \d+ files, \d+ bytes\n$/);
    id = (await readdir(path.join(backups, 'origin'))).find((name) => name !== 'files') ?? '';
    expect(origin.running).toBe(true);
    expect(
      (await readdir(path.join(String(origin.env.CONTENT_PATH), 'data'))).filter((name) => /backup/.test(name)),
    ).toEqual([]);
  });

  it('keeps a file once, however many backups have it', async () => {
    const files = path.join(backups, 'origin/files');
    const before = await Promise.all(
      (await readdir(files)).map(async (name) => [name, (await stat(path.join(files, name))).mtimeMs]),
    );
    expect(before.length).toBeGreaterThan(20);
    const { exitCode, stderr } = await run('backup', 'origin', origin.env, ['--target', backups]);
    expect(exitCode, stderr).toBe(0);
    const after = await Promise.all(
      (await readdir(files)).map(async (name) => [name, (await stat(path.join(files, name))).mtimeMs]),
    );
    expect(after).toEqual(before);
    const names = await readdir(path.join(backups, 'origin'));
    const ids = names.filter((name) => !['files', 'newest'].includes(name)).sort();
    expect(ids).toHaveLength(2);
    id = ids[1] ?? '';
  });

  it('comes back under another slug, on SQLite and on a PostgreSQL database', async () => {
    for (const strategy of ['sqlite', 'database'] as const) {
      const env = await environment(`copy-${strategy}`, strategy);
      const { exitCode, stdout, stderr } = await restoreInto(env, 'origin', backups);
      expect(exitCode, stderr).toBe(0);
      expect(stdout).toMatch(
        new RegExp(`copy-${strategy}: restored from origin/${id}: \\d+ rows of \\d+ tables, verified, and \\d+ files`),
      );
      await expectContent(env, { ordered: strategy === 'sqlite' });
    }
  });

  it('never goes over a site that people use', async () => {
    const env = await environment('copy-sqlite', 'sqlite');
    const again = await restoreInto(env, 'origin', backups);
    expect(again.exitCode).toBe(1);
    expect(again.stderr).toContain('copy-sqlite: expected a site that was never set up; nothing is ever overwritten');
    expect(again.stderr).toContain('table users: expected an owner that was never set up; got one that is active');
  });

  it('is refused as a whole where a file is damaged or missing, and nothing is made for it', async () => {
    const damaged = path.join(shared.dir, 'damaged');
    await cp(backups, damaged, { recursive: true });
    const folder = path.join(damaged, 'origin', id);
    const { files } = JSON.parse(await readFile(path.join(folder, 'manifest.json'), 'utf8')) as {
      files: { path: string; sha256: string }[];
    };
    const keyOf = (name: string) => `origin/files/${files.find((file) => file.path === name)?.sha256}`;
    const [train, theme] = [keyOf('content/images/2026/11/train.txt'), keyOf('content/themes/source/package.json')];
    await writeFile(path.join(damaged, train), 'not a picture, and it has come back wrong');
    const database = await readFile(path.join(folder, 'database/site.db.gz'));
    database[database.length >> 1] = (database[database.length >> 1] ?? 0) ^ 1;
    await writeFile(path.join(folder, 'database/site.db.gz'), database);
    await rm(path.join(damaged, theme));
    const env = await environment('untouched', 'sqlite');
    const { exitCode, stderr } = await restoreInto(env, 'origin', damaged);
    expect(exitCode).toBe(1);
    expect(stderr).toContain(`${train}: content/images/2026/11/train.txt: expected 39 bytes; got 41`);
    expect(stderr).toMatch(/database\/site\.db\.gz: expected SHA-256 [0-9a-f]{64}; got [0-9a-f]{64}/);
    expect(stderr).toContain(`expected ${theme}; it is not there`);
    await expect(readdir(path.join(String(env.CONTENT_PATH), 'images'))).rejects.toThrow('ENOENT');
    expect(await readdir(path.join(String(env.CONTENT_PATH), 'data'))).toEqual([]);
  });

  it('is refused where its manifest was changed, even to a path outside of the site', async () => {
    const changed = path.join(shared.dir, 'changed');
    await cp(backups, changed, { recursive: true });
    const file = path.join(changed, 'origin', id, 'manifest.json');
    await writeFile(file, (await readFile(file, 'utf8')).replace('content/images/2026', 'content/images/../../..'));
    const { exitCode, stderr } = await restoreInto(await environment('untouched', 'sqlite'), 'origin', changed);
    expect(exitCode).toBe(1);
    expect(stderr).toContain('manifest.json: expected to have the checksum that it carries; it has been changed');
  });

  it('is found by its id only', async () => {
    const env = await environment('untouched', 'sqlite');
    const { exitCode, stderr } = await restoreInto(env, 'origin', backups, ['--from', '20200101T000000Z']);
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(new RegExp(`expected a backup of origin called 20200101T000000Z; got \\S+, ${id}`));
  });
});

describe.each(['schema', 'database'] as const)('a backup of a site on a PostgreSQL %s', (strategy) => {
  let env: Record<string, string>;
  let site: SiteUnderTest;
  beforeAll(async () => {
    env = await environment(`postgres-${strategy}`, strategy);
    const filled = await restoreInto(env, 'origin', backups);
    expect(filled.exitCode, filled.stderr).toBe(0);
    site = await new SiteUnderTest(env).ready();
  });
  afterAll(() => site?.stop());

  it('goes to a bucket while the site serves, by the command of its container, and comes back from there', async () => {
    const place = `s3://${s3.bucket}/fleet`;
    const told = { ...env, ...s3.access };
    const taken = await runBackupCommand(told, ['backup', '--target', place, '--retention-days', '14']);
    expect(taken.exitCode, taken.stderr).toBe(0);
    expect(taken.stdout).toContain(`in s3://${s3.bucket}/fleet/: database and`);
    await site.stop();
    const copy = { ...(await environment(`again-${strategy}`, strategy)), ...s3.access };
    const restored = await runBackupCommand(copy, ['restore', '--target', place, '--of', `postgres-${strategy}`]);
    expect(restored.exitCode, restored.stderr).toBe(0);
    // Row by row: what an export of both holds is the same.
    const exported: string[] = [];
    for (const each of [env, copy]) {
      const file = path.join(shared.dir, `${each.SITE_SLUG}.db`);
      const { exitCode, stdout, stderr } = await runTransfer('export', each, ['--to', `sqlite:${file}`]);
      expect(exitCode, stderr).toBe(0);
      exported.push(tablesOf(stdout));
    }
    expect(exported[1]).toBe(exported[0]);
    await expectContent(copy, { ordered: false });
  });
});

describe('what is no backup', () => {
  it('is said of a site that is not there yet, and of a place that nobody knows', async () => {
    const env = await environment('nobody', 'sqlite');
    const missing = await run('backup', 'nobody', env, ['--target', backups]);
    expect(missing.exitCode).toBe(1);
    expect(missing.stderr).toContain('nobody-ghost.db: expected a site; there is none yet');
    const place = await run('backup', 'origin', origin.env, ['--target', 'ftp://somewhere']);
    expect(place.exitCode).toBe(78);
    expect(place.stderr).toContain('--target: expected volume, s3://<bucket>[/<prefix>] or a folder such as /backups');
    const half = await run('backup', 'origin', { ...origin.env, S3_ACCESS_KEY_ID: 'me' }, ['--target', 's3://backups']);
    expect(half.exitCode).toBe(78);
    expect(half.stderr).toContain('S3_ACCESS_KEY_ID: expected both it and S3_SECRET_ACCESS_KEY, or neither');
  });
});

/** The tables of a report with rows and checksums, but for those that Ghost writes while it runs. */
function tablesOf(report: string): string {
  const lines = report.split('\n').filter((line) => /^\S+ +\d+ {2}[0-9a-f]{32}$/.test(line));
  expect(lines.length).toBeGreaterThan(20);
  return lines
    .filter(
      (line) => !/^(sessions|brute|actions|jobs|settings|users|custom_theme_settings|outbox|milestones) /.test(line),
    )
    .join('\n');
}
