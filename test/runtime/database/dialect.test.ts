import { createRequire } from 'node:module';
import path from 'node:path';
import { setTimeout } from 'node:timers/promises';
import type { Knex } from 'knex';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { provisionSiteDatabase } from '../../../runtime/database/provision.ts';
import { ghostDatabaseConfig } from '../../../runtime/site/database/connection.ts';
import { assertDialectInstalled, installPostgresDialect } from '../../../runtime/site/database/install.ts';
import type { PostgresServer } from '../../../scripts/services/postgres.ts';
import { startTestPostgres, temporaryDir } from '../../support/site-process.ts';

const ghostPath = path.resolve('.tools/ghost');

let files: { dir: string; remove: () => Promise<void> };
let server: PostgresServer;
let knex: Knex;
beforeAll(async () => {
  files = await temporaryDir();
  server = await startTestPostgres(files.dir);
  const place = await provisionSiteDatabase(server, { slug: 'dialect', strategy: 'database', password: 'pw' });
  installPostgresDialect({ ghostPath, siteDatabase: place.database });
  const endpoint = { host: server.host, port: server.port };
  const config = ghostDatabaseConfig({
    client: 'postgres',
    strategy: 'database',
    endpoint,
    direct: endpoint,
    database: place.database,
    schema: 'public',
    user: place.user,
    password: 'pw',
    ssl: 'off',
    directSsl: 'off',
    poolMax: 5,
    preparedStatements: false,
  });
  // Ghost's own copy of knex, as Ghost itself loads it.
  const create = createRequire(path.join(ghostPath, 'package.json'))('knex') as (config: object) => Knex;
  knex = create(config);
  await knex.schema.createTable('posts', (table) => {
    table.string('id', 24).notNullable().primary();
    table.string('title', 191).nullable();
    table.string('slug', 191).notNullable().unique();
    table.boolean('featured').notNullable().defaultTo(false);
    table.bigInteger('views').unsigned().nullable();
    table.decimal('price', 8, 2).nullable();
    table.dateTime('published_at').nullable();
    table.text('html').nullable();
  });
  await knex('posts').insert([
    {
      id: 'c',
      title: 'Éclair',
      slug: 'eclair',
      featured: true,
      views: 9_007_199_254_740_991,
      price: 1.5,
      published_at: new Date('2026-11-24T10:00:00.400Z'),
    },
    { id: 'a', title: 'zebra', slug: 'zebra', featured: false, views: null, price: null, published_at: null },
    {
      id: 'b',
      title: "100% 'NULL' back\\slash",
      slug: 'odd',
      featured: false,
      views: 3,
      price: 2,
      published_at: new Date('2026-11-24T10:00:00Z'),
    },
  ]);
});
afterAll(async () => {
  await knex?.destroy();
  await server.stop();
  await files.remove();
});

/** The MySQL error that something fails with. */
async function failure(work: PromiseLike<unknown>): Promise<{ code?: string; errno?: number; message: string }> {
  try {
    await work;
  } catch (error) {
    return error as { code: string; errno: number; message: string };
  }
  throw new Error('it did not fail');
}

const ids = async (query: Knex.QueryBuilder) => (await query.select('id')).map((row: { id: string }) => row.id);

describe('the dialect on a real server', () => {
  it('stands in the place of every mysql2 that was loaded', () => {
    expect(() => assertDialectInstalled()).not.toThrow();
    expect((knex.client as { config: { client: string } }).config.client).toBe('mysql2');
  });

  it('compares what people type without case and accents, and ids exactly', async () => {
    expect(await ids(knex('posts').where('title', 'ECLAIR'))).toEqual(['c']);
    expect(await ids(knex('posts').where('title', 'like', '%clair%'))).toEqual(['c']);
    expect(await ids(knex('posts').where('title', 'like', '%E%'))).toEqual(['a', 'c']);
    expect(await ids(knex('posts').where('title', 'like', '100\\%%'))).toEqual(['b']);
    expect(await ids(knex('posts').where('title', 'eclair '))).toEqual([]);
    expect(await ids(knex('posts').where('id', 'C'))).toEqual([]);
  });

  it('orders as InnoDB: by primary key, ties too, NULL first, letters by their alphabet', async () => {
    expect(await ids(knex('posts'))).toEqual(['a', 'b', 'c']);
    await knex('posts').where('id', 'a').update({ featured: false });
    expect(await ids(knex('posts'))).toEqual(['a', 'b', 'c']);
    expect(await ids(knex('posts').orderBy('published_at'))).toEqual(['a', 'b', 'c']);
    expect(await ids(knex('posts').orderBy('published_at', 'desc'))).toEqual(['b', 'c', 'a']);
    expect(await ids(knex('posts').orderBy('title'))).toEqual(['b', 'c', 'a']);
  });

  it('gives and takes values as mysql2', async () => {
    const row = await knex('posts').where('id', 'c').first();
    expect(row).toMatchObject({
      featured: 1,
      views: 9_007_199_254_740_991,
      price: 1.5,
      published_at: new Date('2026-11-24T10:00:00Z'),
    });
    expect(await ids(knex('posts').where('featured', true))).toEqual(['c']);
    expect(await knex('posts').sum('featured as n').first()).toEqual({ n: 1 });
    expect(await ids(knex('posts').where('title', "100% 'NULL' back\\slash"))).toEqual(['b']);
    expect(await ids(knex('posts').where('featured', 'abc'))).toEqual(['a', 'b']);
    expect(await ids(knex('posts').whereRaw('`id` in (?)', [['a', 'c']] as never))).toEqual(['a', 'c']);
    const [rows] = (await knex.raw('select count(*) from `posts`')) as unknown as [Record<string, number>[]];
    expect(rows).toEqual([{ 'count(*)': 3 }]);
    const [result] = (await knex.raw("update `posts` set `html` = 'x' where `id` in ('a', 'b')")) as unknown as [
      { affectedRows: number },
    ];
    expect(result.affectedRows).toBe(2);
  });

  it('divides what was rounded', async () => {
    const yearly = await knex('posts').select(knex.raw('ROUND(SUM(`featured`) * 12) / 100 as arr')).first();
    expect(yearly).toEqual({ arr: 0.12 });
    expect(await knex('posts').where('id', 'b').select(knex.raw('ROUND(`views`) / 2 as half')).first()).toEqual({
      half: 1.5,
    });
  });

  it('reports errors in the shape that Ghost branches on', async () => {
    const duplicate = await failure(knex('posts').insert({ id: 'd', slug: 'ECLAIR' }));
    expect(duplicate).toMatchObject({ code: 'ER_DUP_ENTRY', errno: 1062 });
    expect(duplicate.message).toContain("Duplicate entry 'ECLAIR' for key 'posts.posts_slug_unique'");
    expect(await failure(knex('nowhere').select())).toMatchObject({ code: 'ER_NO_SUCH_TABLE', errno: 1146 });
    expect(await failure(knex('posts').select('nothing'))).toMatchObject({ code: 'ER_BAD_FIELD_ERROR', errno: 1054 });
    expect(await failure(knex('posts').where('published_at', '>', 'abc'))).toMatchObject({ code: 'ER_WRONG_VALUE' });
    expect(await failure(knex('posts').insert({ id: 'x'.repeat(25), slug: 'long' }))).toMatchObject({
      code: 'ER_DATA_TOO_LONG',
      errno: 1406,
    });
    expect(await failure(knex.schema.createTable('posts', (table) => table.increments()))).toMatchObject({
      code: 'ER_TABLE_EXISTS_ERROR',
      errno: 1050,
    });
    expect(await failure(knex.raw('show columns from `nowhere`'))).toMatchObject({ errno: 1146 });
  });

  it('compares a date with a number by its digits, and knows a column of a table that is not joined for unknown', async () => {
    expect(await ids(knex('posts').whereRaw('`published_at` >= 0'))).toEqual(['b', 'c']);
    expect(await ids(knex('posts').whereRaw('`published_at` < 0'))).toEqual([]);
    expect(await failure(knex('posts').where('emails.id', 'x'))).toMatchObject({
      code: 'ER_BAD_FIELD_ERROR',
      errno: 1054,
    });
  });

  it('goes on in a transaction after a write that failed', async () => {
    await knex.transaction(async (transaction) => {
      await transaction('posts').insert({ id: 'e', slug: 'before' });
      expect(await failure(transaction('posts').insert({ id: 'f', slug: 'before' }))).toMatchObject({
        code: 'ER_DUP_ENTRY',
      });
      await transaction('posts').insert({ id: 'g', slug: 'after' });
      await failure(
        transaction.transaction(async (nested) => {
          await nested('posts').insert({ id: 'h', slug: 'nested' });
          throw new Error('undo the nested one');
        }),
      );
    });
    expect(await ids(knex('posts').whereIn('slug', ['before', 'after', 'nested']))).toEqual(['e', 'g']);
    await failure(
      knex.transaction(async (transaction) => {
        await transaction('posts').whereIn('id', ['e', 'g']).del();
        throw new Error('undo');
      }),
    );
    expect(await knex('posts').whereIn('id', ['e', 'g']).del()).toBe(2);
  });

  it('keeps statements apart that are asked for at once in a transaction, of which one fails', async () => {
    const outcomes = await knex.transaction((transaction) =>
      Promise.allSettled([
        transaction('posts').insert({ id: 'p1', slug: 'zebra' }),
        transaction('posts').insert({ id: 'p2', slug: 'p2' }),
        transaction('posts').insert({ id: 'p3', slug: 'zebra' }),
        transaction('posts').where('id', 'p2').update({ html: 'changed' }),
        transaction('posts').where('id', 'p2').first('html'),
      ]),
    );
    expect(outcomes.map(({ status }) => status)).toEqual([
      ...['rejected', 'fulfilled', 'rejected', 'fulfilled', 'fulfilled'],
    ]);
    expect(outcomes[4]).toMatchObject({ value: { html: 'changed' } });
    expect(await knex('posts').whereIn('id', ['p1', 'p2', 'p3']).del()).toBe(1);
  });

  it('sends a write again that lost a deadlock, and reports 1213 inside of a transaction', async () => {
    await knex('posts').insert([
      { id: 'm1', slug: 'm1' },
      { id: 'm2', slug: 'm2' },
    ]);
    // The administrator looks for deadlocks so late that the site is always the one to lose.
    const rival = new pg.Client({ ...server, database: 'ghost_site_dialect' });
    await rival.connect();
    const race = async (lose: () => PromiseLike<unknown>) => {
      await rival.query("set deadlock_timeout = '20s'; begin; update posts set html = 'rival' where id = 'm2'");
      const losing = Promise.resolve(lose());
      losing.catch(() => undefined);
      await setTimeout(300);
      await rival.query("update posts set html = 'rival' where id = 'm1'; commit");
      return losing;
    };
    try {
      expect(await race(() => knex('posts').where('id', 'like', 'm%').update({ html: 'site' }))).toBe(2);
      expect(await knex('posts').where('id', 'm1').first('html')).toEqual({ html: 'site' });
      const inside = knex.transaction.bind(knex);
      const lost = race(() =>
        inside(async (transaction) => {
          await transaction('posts').where('id', 'm1').update({ html: 'x' });
          await transaction('posts').where('id', 'm2').update({ html: 'x' });
        }),
      );
      expect(await failure(lost)).toMatchObject({ code: 'ER_LOCK_DEADLOCK', errno: 1213 });
    } finally {
      await rival.end();
      await knex('posts').where('id', 'like', 'm%').del();
    }
  });

  it('sends the savepoint of a write with the write, and answers with the write alone', async () => {
    await knex.transaction(async (transaction) => {
      expect(await transaction('posts').where('id', 'b').update({ views: 4 })).toBe(1);
      expect(await transaction('posts').whereIn('id', ['a', 'b', 'none']).update({ html: null })).toBe(2);
      const [result] = (await transaction.raw("update `posts` set `views` = 3 where `id` = 'b'")) as unknown as [
        { affectedRows: number },
      ];
      expect(result.affectedRows).toBe(1);
    });
    expect(await knex('posts').where('id', 'b').first('views')).toEqual({ views: 3 });
  });

  it('goes on with nothing after a read that failed', async () => {
    const undone = await failure(
      knex.transaction(async (transaction) => {
        await transaction('posts').insert({ id: 'e', slug: 'before' });
        await failure(transaction('posts').select('nothing'));
        await transaction('posts').insert({ id: 'f', slug: 'after' });
      }),
    );
    expect(undone.message).toContain('current transaction is aborted');
    expect(await ids(knex('posts').whereIn('id', ['e', 'f']))).toEqual([]);
  });

  it('indexes foreign keys as InnoDB does, once', async () => {
    await knex.schema.createTable('notes', (table) => {
      table.string('id', 24).notNullable().primary();
      table.string('post_id', 24).notNullable().references('posts.id');
      table.string('author_id', 24).nullable().references('posts.id').withKeyName('notes_by');
      table.string('parent_id', 24).nullable().references('posts.id');
      table.index(['parent_id', 'id']);
    });
    const added = knex.schema.table('notes', (table) => {
      table.string('root_id', 24).nullable().references('posts.id');
    });
    // As Ghost's migrations add a column on MySQL.
    for (const { sql } of added.toSQL() as unknown as { sql: string }[]) await knex.raw(`${sql}, algorithm=copy`);
    const [indexes] = (await knex.raw('show indexes from `notes`')) as unknown as [Record<string, string>[]];
    await knex.schema.dropTable('notes');
    expect(indexes.map((row) => `${row.Key_name} ${row.Column_name}`)).toEqual([
      'PRIMARY id',
      'notes_by author_id',
      'notes_parent_id_id_index parent_id',
      'notes_parent_id_id_index id',
      'notes_post_id_foreign post_id',
      'notes_root_id_foreign root_id',
    ]);
  });

  it('goes on inside a transaction after what is there already, and after a look at what is not', async () => {
    await knex.transaction(async (transaction) => {
      const twice = transaction.schema.table('posts', (table) => table.unique(['slug']));
      expect(await failure(twice)).toMatchObject({ code: 'ER_DUP_KEYNAME' });
      const none = transaction.schema.table('posts', (table) => table.dropUnique(['title']));
      expect(await failure(none)).toMatchObject({ code: 'ER_CANT_DROP_FIELD_OR_KEY' });
      expect(await failure(transaction.raw('SHOW COLUMNS FROM ??', ['nowhere']))).toMatchObject({ errno: 1146 });
      expect(await ids(transaction('posts'))).toEqual(['a', 'b', 'c']);
    });
  });

  it('ignores and merges duplicates', async () => {
    await knex('posts').insert({ id: 'a', slug: 'zebra', title: 'other' }).onConflict().ignore();
    await knex.raw("insert ignore into `posts` (`id`, `slug`) values ('a', 'zebra')");
    await knex.raw(
      "insert into `posts` (`id`, `slug`, `html`) values ('a', 'zebra', 'merged') on duplicate key update `html` = values(`html`)",
    );
    expect(await knex('posts').where('id', 'a').first('title', 'html')).toEqual({ title: 'zebra', html: 'merged' });
  });

  it('lists tables, columns and indexes', async () => {
    const [tables] = (await knex.raw('show tables')) as unknown as [Record<string, string>[]];
    expect(tables.map((row) => Object.values(row))).toEqual([['posts']]);
    const [typed] = (await knex.raw("show full tables where Table_type = 'BASE TABLE'")) as unknown as [object[]];
    expect(typed.map((row) => Object.values(row))).toEqual([['posts', 'BASE TABLE']]);
    const [indexes] = (await knex.raw('show indexes from `posts` where key_name = ?', [
      'posts_slug_unique',
    ])) as unknown as [Record<string, unknown>[]];
    expect(indexes).toMatchObject([{ Key_name: 'posts_slug_unique', Column_name: 'slug', Non_unique: 0 }]);
    expect(await knex.schema.hasTable('posts')).toBe(true);
    expect(await knex.schema.hasColumn('posts', 'nothing')).toBe(false);
  });

  it('streams rows', async () => {
    const seen: string[] = [];
    for await (const row of knex('posts').select('id').stream()) seen.push((row as { id: string }).id);
    expect(seen).toEqual(['a', 'b', 'c']);
  });

  it('is in UTC and keeps the clock of MySQL', async () => {
    const [rows] = (await knex.raw(
      "select date_format(convert_tz(published_at, '+00:00', '+02:00'), '%Y-%m-%d %H:%i') as at, published_at > date_sub(now(), interval 100000 day) as recent from `posts` where `id` = 'c'",
    )) as unknown as [Record<string, unknown>[]];
    expect(rows).toEqual([{ at: '2026-11-24 12:00', recent: 1 }]);
  });

  it('checks foreign keys at once, and when the transaction ends where their checks are off', async () => {
    await knex.schema.createTable('posts_meta', (table) => {
      table.string('id', 24).notNullable().primary();
      table.string('post_id', 24).notNullable().references('posts.id');
    });
    await knex('posts_meta').insert({ id: 'm', post_id: 'a' });
    const post = await knex('posts').where('id', 'a').first();
    expect(await failure(knex('posts').where('id', 'a').del())).toMatchObject({ errno: 1451 });
    await knex.transaction(async (transaction) => {
      await transaction.raw('SET FOREIGN_KEY_CHECKS=0;');
      await transaction('posts').where('id', 'a').del();
      await transaction('posts').insert(post);
      await transaction.raw('SET FOREIGN_KEY_CHECKS=1;');
    });
    expect(await ids(knex('posts'))).toEqual(['a', 'b', 'c']);
  });

  it('truncates a table that others refer to where foreign keys are not checked, and keeps their rows', async () => {
    const posts = await knex('posts').select();
    expect(await failure(knex('posts').truncate())).toMatchObject({ errno: 1451 });
    await knex.transaction(async (transaction) => {
      await transaction.raw('SET FOREIGN_KEY_CHECKS=0;');
      for (let time = 0; time < 2; time += 1) await transaction('posts').truncate();
      await transaction.raw('SET FOREIGN_KEY_CHECKS=1;');
    });
    expect(await knex('posts_meta').select('post_id')).toEqual([{ post_id: 'a' }]);
    expect(await failure(knex('posts_meta').insert({ id: 'n', post_id: 'a' }))).toMatchObject({ errno: 1452 });
    await knex('posts').insert(posts);
    expect(await failure(knex('posts').where('id', 'a').del())).toMatchObject({ errno: 1451 });
  });

  it('empties the database where MySQL drops it, and no other', async () => {
    const [[row]] = (await knex.raw('select current_database()::text as name')) as unknown as [[{ name: string }]];
    expect(await failure(knex.raw('drop database `another`'))).toMatchObject({ errno: 1049 });
    await knex.raw('drop database if exists `another`');
    expect(await knex.schema.hasTable('posts')).toBe(true);
    await knex.raw('DROP DATABASE ??;', [row.name]);
    const [tables] = (await knex.raw('show tables')) as unknown as [unknown[]];
    expect(tables).toEqual([]);
    expect(await failure(knex.raw('create database ??', [row.name]))).toMatchObject({ errno: 1007 });
  });
});
