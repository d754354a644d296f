import pg from 'pg';
import { initialisingMarker } from '../site/migration/target.ts';
import { type FixtureTable, rekey } from './rekey.ts';

const { escapeIdentifier: name, escapeLiteral: literal } = pg;

/** Holds a template's fixtures while the tables that they belong to are empty. */
const fixturesTable = 'ghost_fleet_fixtures';

/** Ghost's ledger: the same in every database of a release, and without secrets. */
const ledger = ['migrations', 'migrations_lock'];

/** Ghost fills it when it starts and finds settings missing: secrets, the site's title and theme among them. */
const filledByGhost = ['settings'];

/**
 * Turns a database that Ghost has initialised into one that only clones are made of: the fixtures move into a table of
 * their own, and the marker of an unfinished first start says that nothing here was ever served. One transaction.
 *
 * @throws UnknownSecretError where fixtures could not be given new secrets
 */
export async function setFixturesAside(client: pg.Client, owner: string): Promise<void> {
  await inTransaction(client, async () => {
    await client.query(`set local role ${name(owner)}`);
    const relations = (await listTables(client)).filter((relation) => !ledger.includes(relation));
    const tables: FixtureTable[] = [];
    for (const relation of await sortByReference(client, relations)) {
      if (filledByGhost.includes(relation)) continue;
      const { rows } = await client.query<{ row: FixtureTable['rows'][number] }>(
        `select to_jsonb(t) as row from public.${name(relation)} t`,
      );
      if (rows.length > 0) tables.push({ relation, rows: rows.map(({ row }) => row) });
    }
    rekey(tables, new Date());
    await client.query(`truncate ${relations.map((relation) => `public.${name(relation)}`).join(', ')}`);
    await client.query(`create table public.${fixturesTable} (tables jsonb not null)`);
    await client.query(`insert into public.${fixturesTable} values ($1)`, [JSON.stringify(tables)]);
    await client.query(`create table public.${initialisingMarker} (started_at timestamptz default now())`);
  });
}

/** Whether the database is a clone that has not become a site's yet. A site cannot pretend: its role is not `owner`. */
export async function isUnclaimedClone(client: pg.Client, owner: string): Promise<boolean> {
  const { rowCount } = await client.query(
    `select from pg_catalog.pg_class where relnamespace = 'public'::pg_catalog.regnamespace
        and relname = ${literal(fixturesTable)} and relowner = pg_catalog.to_regrole(${literal(owner)})`,
  );
  return rowCount === 1;
}

/**
 * Gives a clone its fixtures, with ids and secrets that no other database has, and everything in it to the site's role.
 * One transaction: the clone is the template's as it was, or the site's and complete.
 */
export async function plantFixtures(client: pg.Client, from: string, to: string): Promise<void> {
  await inTransaction(client, async () => {
    await client.query('set local search_path = pg_catalog');
    const { rows } = await client.query<{ tables: FixtureTable[] }>(`select tables from public.${fixturesTable}`);
    for (const { relation, rows: fixtures } of rekey(rows[0]?.tables ?? [], new Date())) {
      const table = `public.${name(relation)}`;
      await client.query(`insert into ${table} select * from jsonb_populate_recordset(null::${table}, $1)`, [
        JSON.stringify(fixtures),
      ]);
    }
    await client.query(`drop table public.${fixturesTable}, public.${initialisingMarker}`);
    await client.query(`reassign owned by ${name(from)} to ${name(to)}`);
  });
}

async function listTables(client: pg.Client): Promise<string[]> {
  const { rows } = await client.query<{ relname: string }>(
    `select relname::text from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r' order by relname`,
  );
  return rows.map(({ relname }) => relname);
}

/** Tables in an order in which each comes after those that its foreign keys refer to. */
async function sortByReference(client: pg.Client, relations: readonly string[]): Promise<string[]> {
  const { rows } = await client.query<{ table: string; target: string }>(
    `select a.relname::text as table, b.relname::text as target from pg_constraint
       join pg_class a on a.oid = conrelid join pg_class b on b.oid = confrelid
      where contype = 'f' and conrelid <> confrelid`,
  );
  const sorted = new Set<string>();
  while (sorted.size < relations.length) {
    const next = relations.filter(
      (relation) =>
        !sorted.has(relation) && rows.every(({ table, target }) => table !== relation || sorted.has(target)),
    );
    if (next.length === 0) {
      const circle = relations.filter((relation) => !sorted.has(relation));
      throw new Error(`expected foreign keys without circles; got one among ${circle.join(', ')}`);
    }
    for (const relation of next) sorted.add(relation);
  }
  return [...sorted];
}

async function inTransaction(client: pg.Client, run: () => Promise<void>): Promise<void> {
  await client.query('begin');
  try {
    await run();
    await client.query('commit');
  } catch (error) {
    await client.query('rollback');
    throw error;
  }
}
