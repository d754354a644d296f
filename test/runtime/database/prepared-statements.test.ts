import { createRequire } from 'node:module';
import path from 'node:path';
import type { Knex } from 'knex';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { provisionSiteDatabase } from '../../../runtime/database/provision.ts';
import { ghostDatabaseConfig } from '../../../runtime/site/database/connection.ts';
import { installPostgresDialect } from '../../../runtime/site/database/install.ts';
import { useTestServer } from '../../support/test-server.ts';

const ghostPath = path.resolve('.tools/ghost');
const shared = useTestServer();

let database: string;
let knex: Knex;

async function connect(options: { preparedStatements: boolean }): Promise<Knex> {
  const place = await provisionSiteDatabase(shared.server, { slug: 'prepared', strategy: 'database', password: 'pw' });
  installPostgresDialect({ ghostPath, siteDatabase: place.database });
  database = place.database;
  const endpoint = { host: shared.server.host, port: shared.server.port };
  const config = ghostDatabaseConfig({
    ...{ client: 'postgres', strategy: 'database', endpoint, direct: endpoint, database, schema: 'public' },
    ...{ user: place.user, password: 'pw', ssl: 'off', directSsl: 'off', poolMax: 1, ...options },
  });
  const create = createRequire(path.join(ghostPath, 'package.json'))('knex') as (config: object) => Knex;
  return create(config);
}

/** Texts that the one connection of a knex has prepared. */
async function prepared(from: Knex): Promise<string[]> {
  const [rows] = (await from.raw('select statement from pg_prepared_statements')) as unknown as [
    { statement: string }[],
  ];
  return rows.map(({ statement }) => statement);
}

beforeAll(async () => {
  knex = await connect({ preparedStatements: true });
  await knex.schema.createTable('notes', (table) => {
    table.string('id', 24).notNullable().primary();
    table.integer('number').notNullable();
  });
});
afterAll(() => knex?.destroy());

describe('statements that stay prepared', () => {
  it('are those that are sent often, and answer as before', async () => {
    for (let at = 0; at < 8; at += 1) {
      await knex('notes').insert({ id: `n${at}`, number: at });
      expect(await knex('notes').where('number', at).pluck('id')).toEqual([`n${at}`]);
    }
    expect(await prepared(knex)).toEqual(
      expect.arrayContaining([
        expect.stringContaining('insert into "notes"'),
        expect.stringContaining('"number" = $1'),
      ]),
    );
    await knex('notes').max('number');
    expect((await prepared(knex)).filter((text) => text.includes('max('))).toEqual([]);
  });

  it('fail inside a transaction without spoiling it, the first time that they are prepared and later', async () => {
    for (let at = 10; at < 18; at += 1) {
      await knex.transaction(async (transaction) => {
        const values = { number: at, id: `t${at}` };
        await transaction('notes').insert(values);
        await expect(transaction('notes').insert(values)).rejects.toMatchObject({ code: 'ER_DUP_ENTRY' });
        expect(await transaction('notes').where('id', `t${at}`).update('number', at)).toBe(1);
      });
    }
    expect(await knex('notes').whereLike('id', 't%').pluck('number')).toEqual([10, 11, 12, 13, 14, 15, 16, 17]);
  });

  it('leave their connection when another process has changed a table', async () => {
    const read = () => knex('notes').where('id', 'n1').first();
    for (let at = 0; at < 8; at += 1) await read();
    const other = await connect({ preparedStatements: false });
    await other.schema.alterTable('notes', (table) => table.string('text').nullable());
    await other.destroy();
    expect(await read()).toEqual({ id: 'n1', number: 1, text: null });
    expect(await prepared(knex)).toEqual([]);
  });

  it('are none where that is off', async () => {
    const plain = await connect({ preparedStatements: false });
    for (let at = 0; at < 8; at += 1) await plain('notes').where('number', at).first();
    expect(await prepared(plain)).toEqual([]);
    await plain.destroy();
  });
});
