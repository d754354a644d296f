import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import type SqliteDatabase from 'better-sqlite3';
import type { knex } from 'knex';
import { installPostgresDialect } from './database/install.ts';

type SharpModule = (image: object) => { resize(width: number): { webp(): { toBuffer(): Promise<Buffer> } } };

/**
 * Asks an image, while it is built, whether it works without what was left out of it: SQLite by a statement, PostgreSQL
 * by the dialect's client and the driver's own refusal of a port where nobody listens, pictures by making one, and every
 * package that Ghost names by loading it.
 */
async function main(): Promise<void> {
  const ghostPath = path.resolve(process.env.GHOST_PATH ?? 'ghost');
  installPostgresDialect({ ghostPath, siteDatabase: 'self_test' });
  // Some packages look for Ghost's own description there.
  process.chdir(ghostPath);
  const load = createRequire(path.join(ghostPath, 'package.json'));
  testSqlite(load('better-sqlite3') as typeof SqliteDatabase);
  await testPostgres(load('knex') as typeof knex);
  await testPictures(load('sharp') as SharpModule);
  const { dependencies } = load('./package.json') as { dependencies: Record<string, string> };
  const present = Object.keys(dependencies).filter((name) => existsSync(path.join(ghostPath, 'node_modules', name)));
  for (const name of present) load(name);
  console.log(`self-test: SQLite, PostgreSQL, pictures and ${present.length} packages of Ghost work`);
}

function testSqlite(Database: typeof SqliteDatabase): void {
  const database = new Database(':memory:');
  const sum = database.prepare('select 40 + ? as answer').pluck().get(2);
  database.close();
  if (sum !== 42) throw new Error(`SQLite: expected 42; got ${String(sum)}`);
}

async function testPostgres(createClient: typeof knex): Promise<void> {
  // Port 1 of this machine: refused at once, by the driver that would serve the site.
  const connection = { host: '127.0.0.1', port: 1, user: 'u', password: 'p', database: 'self_test', ssl: false };
  const database = createClient({ client: 'mysql2', connection, pool: { min: 0, max: 1 } });
  try {
    const { name } = (database.client as object).constructor;
    if (name !== 'GhostPostgresClient') throw new Error(`PostgreSQL: expected this project's dialect; got ${name}`);
    const refusal: unknown = await database.raw('select 1').catch((error: unknown) => error);
    if ((refusal as { code?: string }).code !== 'ECONNREFUSED')
      throw new Error('PostgreSQL: expected the driver to be refused by port 1', { cause: refusal });
  } finally {
    await database.destroy();
  }
}

async function testPictures(sharp: SharpModule): Promise<void> {
  const picture = { create: { width: 8, height: 8, channels: 3, background: '#336699' } };
  const bytes = await sharp(picture).resize(4).webp().toBuffer();
  if (bytes.subarray(8, 12).toString() !== 'WEBP') throw new Error('pictures: expected WebP');
}

await main();
// Some of these packages keep timers.
process.exit();
