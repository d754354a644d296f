import { createRequire } from 'node:module';
import path from 'node:path';
import type { Knex } from 'knex';
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
    expect(tables.map((row) => Object.values(row)[0])).toEqual(['posts']);
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
});
