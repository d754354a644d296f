import path from 'node:path';
import pg from 'pg';
import { Random } from '../../dataset/random.ts';
import { rowId } from '../../dataset/rows.ts';
import { startPostgres } from '../../services/postgres.ts';
import { stopWhenInterrupted } from '../interruption.ts';
import { type Outcome, type Projection, rateOfWorkers } from './projection.ts';

const rows = 10_000;
const connections = 16;
const rowsOfStatement = 100;

/** Rows of one database through pg with named prepared statements on some connections, without Ghost. */
export const postgresRows: Projection = {
  name: 'postgres',
  async measure({ dir, seconds }) {
    const server = await startPostgres({ dataDir: path.join(dir, 'rows') });
    stopWhenInterrupted(() => server.stop());
    const { host, port, user, password } = server;
    const clients = Array.from(
      { length: connections },
      () => new pg.Client({ host, port, user, password, database: 'postgres' }),
    );
    try {
      await Promise.all(clients.map((client) => client.connect()));
      await fill(clients[0] as pg.Client);
      return await measureRows(clients, seconds);
    } finally {
      await Promise.all(clients.map((client) => client.end()));
      await server.stop();
    }
  },
};

async function fill(client: pg.Client): Promise<void> {
  await client.query(
    'create table posts (id varchar(24) collate "C" primary key, title text, views integer, html text)',
  );
  const ids = Array.from({ length: rows }, (_, at) => rowId('posts', at));
  await client.query(
    `insert into posts select id, 'Post', 0, repeat('A paragraph. ', 40) from unnest($1::text[]) as id`,
    [ids],
  );
  await client.query('vacuum analyze posts');
}

async function measureRows(clients: readonly pg.Client[], seconds: number): Promise<Outcome[]> {
  const random = new Random(1);
  const id = () => rowId('posts', random.integer(0, rows - 1));
  const many = () => Array.from({ length: rowsOfStatement }, id);
  const measure = (each: number, name: string, text: string, value: () => unknown) =>
    rateOfWorkers(
      seconds,
      each,
      clients.map((client) => () => client.query({ name, text, values: [value()] })),
    );
  const level = (work: string) => `${work}; ${connections} connections, synchronous_commit=on`;
  return [
    {
      projection: 'PostgreSQL reads, one site',
      level: level('a row a statement'),
      wanted: 50_000,
      measured: await measure(1, 'read', 'select id, title, views from posts where id = $1', id),
      unit: 'rows/s',
    },
    {
      projection: 'PostgreSQL reads, one site',
      level: level(`${rowsOfStatement} rows a statement`),
      wanted: 50_000,
      measured: await measure(
        rowsOfStatement,
        'read-many',
        'select id, title, views from posts where id = any($1)',
        many,
      ),
      unit: 'rows/s',
    },
    {
      projection: 'PostgreSQL writes, one site',
      level: level('a row a transaction'),
      wanted: 5_000,
      measured: await measure(1, 'write', 'update posts set views = views + 1 where id = $1', id),
      unit: 'rows/s',
    },
    {
      projection: 'PostgreSQL writes, one site',
      level: level(`${rowsOfStatement} rows a transaction`),
      wanted: 5_000,
      // Sorted, so that two transactions never wait for each other's rows in a circle.
      measured: await measure(
        rowsOfStatement,
        'write-many',
        `with locked as (select id from posts where id = any($1) order by id for update)
          update posts set views = views + 1 from locked where posts.id = locked.id`,
        many,
      ),
      unit: 'rows/s',
    },
  ];
}
