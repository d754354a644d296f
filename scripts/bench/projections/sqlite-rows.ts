import path from 'node:path';
import Sqlite from 'better-sqlite3';
import { Random } from '../../dataset/random.ts';
import { rowId } from '../../dataset/rows.ts';
import { type Outcome, type Projection, rateOf } from './projection.ts';

const rows = 10_000;
const rowsOfTransaction = 100;

/** Rows of one SQLite file through better-sqlite3, the driver that Ghost uses, in one process and without Ghost. */
export const sqliteRows: Projection = {
  name: 'sqlite',
  async measure({ dir, seconds }) {
    const outcomes: Outcome[] = [];
    for (const journal of ['delete', 'wal']) {
      const database = new Sqlite(path.join(dir, `rows-${journal}.db`));
      try {
        // Ghost leaves SQLite's own settings: a rollback journal, every commit synced.
        database.pragma(`journal_mode = ${journal}`);
        database.pragma('synchronous = full');
        outcomes.push(...measureFile(database, seconds, `journal_mode=${journal}, synchronous=full`));
      } finally {
        database.close();
      }
    }
    return outcomes;
  },
};

function measureFile(database: Sqlite.Database, seconds: number, settings: string): Outcome[] {
  database.exec('create table posts (id text primary key, title text, views integer, html text)');
  const insert = database.prepare('insert into posts values (?, ?, 0, ?)');
  database.transaction(() => {
    for (let at = 0; at < rows; at += 1) insert.run(rowId('posts', at), `Post ${at}`, 'A paragraph. '.repeat(40));
  })();
  const random = new Random(1);
  const id = () => rowId('posts', random.integer(0, rows - 1));
  const read = database.prepare('select id, title, views from posts where id = ?');
  const write = database.prepare('update posts set views = views + 1 where id = ?');
  const writeMany = database.transaction(() => {
    for (let at = 0; at < rowsOfTransaction; at += 1) write.run(id());
  });
  const level = (work: string) => `${work}; ${settings}`;
  return [
    {
      projection: 'SQLite reads',
      level: level('a row by its key'),
      wanted: 100_000,
      measured: rateOf(seconds, 1, () => read.get(id())),
      unit: 'rows/s',
    },
    {
      projection: 'SQLite writes',
      level: level('a row a transaction'),
      wanted: 10_000,
      measured: rateOf(seconds, 1, () => write.run(id())),
      unit: 'rows/s',
    },
    {
      projection: 'SQLite writes',
      level: level(`${rowsOfTransaction} rows a transaction`),
      wanted: 10_000,
      measured: rateOf(seconds, rowsOfTransaction, () => writeMany()),
      unit: 'rows/s',
    },
  ];
}
