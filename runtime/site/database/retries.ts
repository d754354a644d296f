import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { castToNumber } from './values.ts';

/** A statement that can be sent again with other values. */
export interface Query {
  readonly text: string;
  values: unknown[];
  /** Name under which its connection keeps it prepared. */
  readonly name: string | undefined;
}

const deadlock = '40P01';
const deadlockTries = 3;

/**
 * A write outside of a transaction that lost a deadlock: nothing of it was done, so it is sent again. InnoDB locks rows in
 * the order of an index, PostgreSQL in the order in which it meets them, and Ghost, which was written for the one, retries
 * nothing. Inside of a transaction the whole of it has to be repeated, which only its owner can do: there the error goes out
 * as MySQL's 1213.
 */
export async function retryingDeadlocks(client: pg.ClientBase, query: Query): Promise<pg.QueryResult> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await client.query(query);
    } catch (error) {
      if ((error as { code?: string }).code !== deadlock || tries === deadlockTries) throw error;
      await sleep(Math.random() * 50 * tries);
    }
  }
}

const numericTypes = /^invalid input syntax for type (smallint|integer|bigint|numeric|double precision|real): "(.*)"$/s;

/**
 * MySQL compares a number with a text by casting the text (`featured:'abc'` in a filter is 0); PostgreSQL refuses it. The
 * refused text is cast as MySQL would and the statement sent again. For reads: MySQL refuses it in writes too.
 */
export async function retryingCasts(client: pg.ClientBase, query: Query): Promise<pg.QueryResult> {
  for (let left = query.values.length; ; left -= 1) {
    try {
      return await client.query(query);
    } catch (error) {
      const refused = numericTypes.exec((error as Error).message);
      if (left === 0 || refused === null || !query.values.includes(refused[2])) throw error;
      const cast = castToNumber(refused[2] ?? '');
      const whole = /int/.test(refused[1] ?? '') ? Math.round(cast) : cast;
      query.values = query.values.map((value) => (value === refused[2] ? whole : value));
    }
  }
}
