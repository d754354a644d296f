import type { Call } from './call.ts';
import { differences, type NormalAnswer } from './normalise.ts';

/** A difference between an answer and MariaDB's that MySQL 8 itself, by its manual, would show too. */
export interface Explanation {
  /** What differs and why, in a sentence. */
  readonly reason: string;
  /** The page of MySQL's manual that says so. */
  readonly manual: string;
  /** Name of the one call. It is an error when the call is in the run and the predicate no longer holds. */
  readonly call: string;
  /** Does the difference between the two answers have exactly this reason? */
  readonly holds: (call: Call, mariadb: NormalAnswer, answer: NormalAnswer) => boolean;
}

/** At most ten, each for PostgreSQL alone: SQLite's many differences are counted, not explained. */
export const explanations: readonly Explanation[] = [
  {
    reason: 'Ghost Admin names the database that the site runs on, as VERSION() does on MySQL',
    manual: 'https://dev.mysql.com/doc/refman/8.0/en/information-functions.html#function_version',
    call: 'config 1',
    holds: (_, mariadb, answer) =>
      differences(mariadb, answer).join() === 'body.config.database: "mariadb" / "postgresql"',
  },
];
