import { spawn } from 'node:child_process';
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Knex } from 'knex';
import pg from 'pg';
import { beforeAll, describe, expect, it } from 'vitest';
import { locateSiteDatabase } from '../../../runtime/database/provision.ts';
import { connectSqlite } from '../../../scripts/dataset/connections.ts';
import { apiKeys } from '../../conformance/database.ts';
import { findDifferences, readContentApi, withoutOrder } from '../../support/content-api.ts';
import { FleetUnderTest } from '../../support/fleet-process.ts';
import { GhostAdmin } from '../../support/ghost-admin.ts';
import { type CommandResult, runScript } from '../../support/run-script.ts';
import { SiteUnderTest, siteEnvironment } from '../../support/site-process.ts';
import { useTestServer } from '../../support/test-server.ts';
import { fillSource, owner, runTransfer, setUpSite } from '../../support/transfer-source.ts';

const shared = useTestServer();
const strategy = 'database';
const noCalls = { mail__transport: 'stub', privacy__useUpdateCheck: 'false', privacy__useGravatar: 'false' };
let file = '';
let answers: ReadonlyMap<string, string>;
let exportFile = '';
/** A PostgreSQL site that was started and never set up. */
let target: Record<string, string>;

function environment(slug: string, kind: 'sqlite' | 'database' = strategy): Promise<Record<string, string>> {
  const { dir, server } = shared;
  return siteEnvironment({ slug, title: slug, dir, strategy: kind, ...(kind === 'sqlite' ? {} : { server }) });
}

/** A copy of the source, changed. */
async function variant(name: string, change: (knex: Knex) => Promise<unknown>): Promise<string> {
  const copy = path.join(shared.dir, `${name}.db`);
  await copyFile(file, copy);
  const knex = connectSqlite(copy);
  // Old files may hold what foreign keys would not have let in.
  await knex.raw('pragma foreign_keys = off');
  await change(knex);
  await knex.destroy();
  return `sqlite:${copy}`;
}

function importInto(env: Record<string, string>, from: string): Promise<CommandResult> {
  return runTransfer('import', env, ['--from', from]);
}

async function query(slug: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ ...shared.server, database: locateSiteDatabase({ slug, strategy }).database });
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

/** What a site is as long as it was never set up. */
const untouched = [{ users: 1, status: 'inactive', posts: 2, members: 0 }];
const state = `select (select count(*)::int from users) as users, (select min(status) from users) as status,
  (select count(*)::int from posts) as posts, (select count(*)::int from members) as members`;

beforeAll(async () => {
  const env = await environment('origin', 'sqlite');
  const url = String(env.SITE_URL);
  file = path.join(String(env.CONTENT_PATH), 'data/origin-ghost.db');
  const first = await new SiteUnderTest({ ...env, ...noCalls, security__staffDeviceVerification: 'false' }).ready();
  await setUpSite(Number(env.PORT), url);
  await first.stop();
  const knex = connectSqlite(file);
  await fillSource(knex, { members: 600 });
  // SQLite keeps what it is given: Ghost's own text, ISO 8601 and milliseconds stand in one column.
  await knex('members').where({ email: 'awkward.0@example.com' }).update({ created_at: 1_772_323_199_600 });
  await knex('members').where({ email: 'awkward.1@example.com' }).update({ created_at: '2026-02-28T23:59:59.000Z' });
  await knex.destroy();
  const second = await new SiteUnderTest({ ...env, ...noCalls, security__staffDeviceVerification: 'false' }).ready();
  answers = await readContentApi(Number(env.PORT), url, apiKeys.content);
  const admin = new GhostAdmin(env);
  await admin.signIn(owner);
  exportFile = path.join(shared.dir, 'origin.ghost.json');
  await writeFile(exportFile, JSON.stringify((await admin.send('GET', '/ghost/api/admin/db/')).body));
  await second.stop();
  target = await environment('target');
}, 400_000);

describe('an import that is refused', () => {
  it('says which version the source is of, before anything is made for it', async () => {
    const last = '2026-09-16-15-35-26-add-members-metafield-change-events.js';
    const older = await importInto(
      target,
      await variant('older', (knex) => knex('migrations').where({ name: last }).del()),
    );
    expect(older.exitCode).toBe(1);
    expect(older.stderr).toContain(`1 of its migrations have not run there, such as ${last}`);
    const row = { name: '2027-01-01-new.js', version: '6.99', currentVersion: '6.99' };
    const newer = await importInto(target, await variant('newer', (knex) => knex('migrations').insert(row)));
    expect(newer.exitCode).toBe(1);
    expect(newer.stderr).toMatch(/expected a source of Ghost 6\.65\.0; got one of Ghost 6\.99: 1 of newer releases/);
    expect(await query('target', "select from pg_class where relnamespace = 'public'::regnamespace")).toEqual([]);
  });

  it('names every pair of rows that MySQL would take for the same', async () => {
    const member = (at: number, email: string) => ({
      id: `6a000000000000000000009${at}`,
      uuid: `00000000-0000-4000-8000-00000000009${at}`,
      transient_id: `t${at}`,
      email,
      status: 'free',
      created_at: '2026-01-01 00:00:00',
    });
    const source = await variant('colliding', async (knex) => {
      await knex('members').insert([
        member(1, 'Zoe@example.com'),
        member(2, 'zoe@EXAMPLE.com'),
        member(3, 'zoë@example.com'),
      ]);
      await knex('labels').insert([
        { id: 'l1', name: 'Press', slug: 'press-1', created_at: '2026-01-01 00:00:00' },
        { id: 'l2', name: 'PRESS', slug: 'press-2', created_at: '2026-01-01 00:00:00' },
      ]);
    });
    const { exitCode, stderr } = await importInto(target, source);
    expect(exitCode).toBe(1);
    expect(stderr).toContain(
      'table members: expected values that members_email_unique keeps apart; got id 6a0000000000000000000091 email "Zoe@example.com" and id 6a0000000000000000000092 email "zoe@EXAMPLE.com" and id 6a0000000000000000000093 email "zoë@example.com"',
    );
    expect(stderr).toContain(
      'table labels: expected values that labels_name_unique keeps apart; got id l1 name "Press" and id l2 name "PRESS"',
    );
    expect(await query('target', state)).toEqual(untouched);
  });

  it('names tables and columns that one side lacks, and values that do not fit', async () => {
    const shape = await variant('shape', async (knex) => {
      await knex.raw('alter table posts add column mood text');
      await knex.raw('create table moods (id text)');
      await knex.raw('drop table snippets');
    });
    const shaped = await importInto(target, shape);
    expect(shaped.exitCode).toBe(1);
    expect(shaped.stderr).toContain('table moods: expected in both; only the source has it');
    expect(shaped.stderr).toContain('table snippets: expected in both; only the target has it');
    expect(shaped.stderr).toContain('column posts.mood: expected in both; only the source has it');
    const unfit = await variant('unfit', async (knex) => {
      await knex('labels').insert({ id: 'l1', name: 'x'.repeat(192), slug: 'long', created_at: '2026-02-30 00:00:00' });
      await knex.raw("update snippets set created_at = 'yesterday' where id = (select min(id) from snippets)");
    });
    const fitted = await importInto(target, unfit);
    expect(fitted.exitCode).toBe(1);
    expect(fitted.stderr).toContain('table labels: id l1: name: expected at most 191 characters; got 192');
    expect(fitted.stderr).toContain(
      'table labels: id l1: created_at: expected a date and time; got "2026-02-30 00:00:00"',
    );
    expect(fitted.stderr).toMatch(/table snippets: id \w+: created_at: expected a date and time; got "yesterday"/);
    expect(await query('target', state)).toEqual(untouched);
  });

  it('names a row that refers to one that is not there', async () => {
    const orphan = await variant('orphan', (knex) =>
      knex('members_labels').insert({ id: 'm1', member_id: 'nobody', label_id: 'nothing' }),
    );
    const { exitCode, stderr } = await importInto(target, orphan);
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(
      /members_labels: expected every row that it refers to; Key \((member|label)_id\)=\(no\w+\) is not present/,
    );
    expect(await query('target', state)).toEqual(untouched);
  });

  it('is rolled back where the target does not hold what was written', async () => {
    await query(
      'target',
      `create function public.shout() returns trigger language plpgsql as $$ begin new.name = upper(new.name); return new; end $$;
       create trigger shout before insert on public.snippets for each row execute function public.shout()`,
    );
    const { exitCode, stderr } = await importInto(target, `sqlite:${file}`);
    await query('target', 'drop trigger shout on public.snippets; drop function public.shout()');
    expect(exitCode).toBe(70);
    expect(stderr).toMatch(
      /everything was rolled back:\ntable snippets: expected checksum [0-9a-f]{32}; got [0-9a-f]{32}\n/,
    );
    expect(await query('target', state)).toEqual(untouched);
  });

  it('leaves a site alone that is running', async () => {
    const site = await new SiteUnderTest({ ...target, ...noCalls }).ready();
    try {
      await site.probe('/readyz');
      const { exitCode, stderr } = await importInto(target, `sqlite:${file}`);
      expect(exitCode).toBe(1);
      expect(stderr).toMatch(/expected a site that is not running; stop it first\na session of ghost \(pid \d+\)/);
    } finally {
      await site.stop();
    }
    const origin = await new SiteUnderTest({ ...(await environment('origin', 'sqlite')), ...noCalls }).ready();
    try {
      const { exitCode, stderr } = await importInto(origin.env, exportFile);
      expect(exitCode).toBe(1);
      expect(stderr).toContain(`process ${origin.child.pid} has ${file} open`);
    } finally {
      await origin.stop();
    }
  });
});

describe('an import', () => {
  it('that is killed leaves the site as it was, the repeat moves it, and a third is refused', async () => {
    // As databases had it before their keys could wait.
    const key = 'posts_authors_post_id_foreign';
    await query('target', `alter table public.posts_authors alter constraint ${key} not deferrable`);
    const args = [
      '--disable-warning=ExperimentalWarning',
      'scripts/site-import.ts',
      'target',
      '--environment',
      '--from',
      `sqlite:${file}`,
    ];
    const child = spawn(process.execPath, args, {
      env: { ...process.env, ...target, NODE_ENV: 'production' },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let output = '';
    for await (const chunk of child.stderr) {
      output += chunk;
      if (output.includes('copied members:')) break;
    }
    child.kill('SIGKILL');
    expect(output).toContain('copied members:');
    expect(output).not.toContain('verified users');
    expect(await query('target', state)).toEqual(untouched);

    const repeat = await importInto(target, `sqlite:${file}`);
    expect(repeat.exitCode, repeat.stderr).toBe(0);
    expect(repeat.stdout).toContain('members.created_at: 1 value rounded to whole seconds');
    const times =
      "select distinct created_at::text from members where email in ('awkward.0@example.com', 'awkward.1@example.com') order by 1";
    expect(await query('target', times)).toEqual([
      { created_at: '2026-02-28 23:59:59' },
      { created_at: '2026-03-01 00:00:00' },
    ]);

    const keys = 'select conname::text, condeferrable, condeferred from pg_constraint';
    expect(await query('target', `${keys} where conname = '${key}'`)).toEqual([
      { conname: key, condeferrable: false, condeferred: false },
    ]);
    expect(await query('target', `${keys} where condeferred`)).toEqual([]);

    const again = await importInto(target, `sqlite:${file}`);
    expect(again.exitCode).toBe(1);
    expect(again.stderr).toContain('expected a site that was never set up; nothing is ever overwritten');
    expect(again.stderr).toContain('table members: expected no rows; got 608');
    expect(again.stderr).toContain('table users: expected an owner that was never set up; got one that is active');
  });

  it('into a schema of the local fleet gives the same Content API answers, with the content folder', async () => {
    const sitesDir = path.join(shared.dir, 'sites');
    const stateDir = path.join(shared.dir, 'fleet');
    const content = path.join(shared.dir, 'content');
    await mkdir(sitesDir);
    await mkdir(path.join(content, 'images/2026'), { recursive: true });
    await writeFile(path.join(content, 'images/2026/cat.txt'), 'a cat');
    await writeFile(
      path.join(sitesDir, 'origin.yaml'),
      'slug: origin\ncreator: mira@example.com\ntitle: Other\ndomains: [origin.example.com]\nplan: studio\n',
    );
    const args = [
      'origin',
      '--from',
      `sqlite:${file}`,
      '--database',
      'schema',
      '--sites',
      sitesDir,
      '--content',
      content,
    ];
    const imported = await runScript('scripts/site-import.ts', args, { GHOST_FLEET_STATE: stateDir });
    expect(imported.exitCode, imported.stderr).toBe(0);
    expect(imported.stdout).toContain(`1 files copied from ${content}`);
    expect(await readFile(path.join(stateDir, 'sites/origin/images/2026/cat.txt'), 'utf8')).toBe('a cat');

    const fleet = await FleetUnderTest.start({ sitesDir, stateDir, args: ['--database', 'schema'] });
    try {
      await fleet.table();
      const own = await readContentApi(fleet.port, `http://origin.localhost:${fleet.port}`, apiKeys.content);
      expect(own.size).toBeGreaterThan(6);
      expect(findDifferences(withoutOrder(own), withoutOrder(answers))).toEqual([]);
    } finally {
      await fleet.stop();
    }
  });

  it('of a Ghost export keeps ids and passwords, and says what the export lacks', async () => {
    const env = await environment('from-json');
    const { exitCode, stdout, stderr } = await importInto(env, exportFile);
    expect(exitCode, stderr).toBe(0);
    expect(stdout).toContain('it does not carry members,');
    expect(stdout).toContain('the export leaves out posts.published_by: empty');
    const source = connectSqlite(file);
    const ids = await source('posts').orderBy('id').pluck('id');
    await source.destroy();
    expect((await query('from-json', 'select id from posts order by id')).map(({ id }) => id)).toEqual(ids);
    expect(await query('from-json', 'select count(*)::int as count from members')).toEqual([{ count: 0 }]);
    const site = await new SiteUnderTest({ ...env, ...noCalls, security__staffDeviceVerification: 'false' }).ready();
    try {
      const admin = new GhostAdmin(env);
      await admin.signIn(owner);
      const me = await admin.send('GET', '/ghost/api/admin/users/me/?include=roles');
      expect(me.body.users[0].roles[0].name).toBe('Owner');
      const { body } = await admin.send('GET', '/ghost/api/admin/posts/?limit=1');
      expect(body.meta.pagination.total).toBeGreaterThan(30);
    } finally {
      await site.stop();
    }
  });
});

describe('an export', () => {
  it('does not overwrite a file', async () => {
    const { exitCode, stderr } = await runTransfer('export', target, ['--to', `sqlite:${file}`]);
    expect(exitCode).toBe(1);
    expect(stderr).toContain(`expected no such file; ${file} exists`);
  });
});
