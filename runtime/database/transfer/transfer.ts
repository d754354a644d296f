import { refuseCollisions } from './collisions.ts';
import type { TransferSource, TransferTarget } from './database.ts';
import { TableDigest } from './digest.ts';
import { findUse } from './emptiness.ts';
import { compareVersions, type GhostRelease, type PlannedTable, planTables } from './plan.ts';
import { ProblemList, TransferRefusedError, VerificationError } from './refusal.ts';
import { ChangeCounts, type FitOptions, fitRow } from './rows.ts';
import { type CanonicalValue, canonicalise } from './values.ts';

/** A table that was moved and compared. */
export interface TransferredTable {
  readonly table: string;
  readonly rows: number;
  /** Of the rows on both sides. */
  readonly checksum: string;
}

export interface TransferReport {
  readonly tables: readonly TransferredTable[];
  /** Values that lost something on the way, a line for each column. */
  readonly changes: readonly string[];
}

/** Called while a table is checked for collisions, copied, or read back. */
export type TransferProgress = (
  phase: 'checked' | 'copied' | 'verified',
  table: string,
  rows: number,
  total: number,
) => void;

export interface TransferOptions {
  readonly source: TransferSource;
  readonly target: TransferTarget;
  readonly ghost: GhostRelease;
  readonly ghostPath: string;
  readonly onProgress: TransferProgress;
}

/** A batch goes to the target when it has this many rows, or this many characters. */
const batchRows = 500;
const batchCharacters = 1_000_000;

/**
 * Moves every table of a site, from one consistent state of the source, in one transaction of the target: it is committed
 * only when each table, read back from the target, has the source's number of rows and checksum. A target whose rows are
 * not all Ghost's own is refused before anything is written. Memory does not grow with the size of a table.
 *
 * Both must be open; closing them is the caller's, and undoes everything where this throws.
 *
 * @throws TransferRefusedError with every problem, VerificationError
 */
export async function transferSite(options: TransferOptions): Promise<TransferReport> {
  const { source, target, onProgress } = options;
  await refuseUsers(target);
  const tables = await plan(options);
  await refuseCollisions(source, target, tables, (table, rows) => onProgress('checked', table, rows, rows));
  await target.empty(tables.map(({ table }) => table));
  const changes = new ChangeCounts();
  const unfit = new ProblemList();
  const copied = new Map<string, TableDigest>();
  for (const table of tables) copied.set(table.table, await copyTable(options, table, changes, unfit));
  unfit.refuse();
  await target.checkReferences();
  const verified = await verify(options, tables, copied);
  await refuseUsers(target);
  await target.commit();
  return { tables: verified, changes: changes.describe() };
}

async function refuseUsers(target: TransferTarget): Promise<void> {
  const users = await target.findUsers();
  if (users.length > 0)
    throw new TransferRefusedError([`${target.label}: expected a site that is not running; stop it first`, ...users]);
}

async function plan({ source, target, ghost, ghostPath }: TransferOptions): Promise<PlannedTable[]> {
  const versions = compareVersions(await source.readProvenance(), ghost);
  // Of another version, every other table would be reported too.
  if (versions.length > 0) throw new TransferRefusedError(versions);
  const own = await target.readTables();
  const { tables, problems } = planTables(await source.readTables(), own);
  const use = await findUse(target, own, ghostPath);
  if (use.length > 0)
    problems.unshift(`${target.label}: expected a site that was never set up; nothing is ever overwritten`, ...use);
  if (problems.length > 0) throw new TransferRefusedError(problems);
  return tables;
}

async function copyTable(
  { source, target, onProgress }: TransferOptions,
  table: PlannedTable,
  changes: ChangeCounts,
  unfit: ProblemList,
): Promise<TableDigest> {
  const total = await source.countRows(table.table);
  const fit: FitOptions = {
    holdsNul: target.holdsNul,
    onChange: (column, change) => changes.add(table.table, column, change),
    unfit,
  };
  const digest = new TableDigest();
  let batch: CanonicalValue[][] = [];
  let characters = 0;
  let read = 0;
  const flush = async () => {
    if (batch.length > 0) await target.insert(table, batch);
    batch = [];
    characters = 0;
    onProgress('copied', table.table, read, total);
  };
  for await (const values of source.readRows(table)) {
    read += 1;
    const row = fitRow(table, values, fit);
    if (row === undefined) continue;
    digest.add(row);
    batch.push(row);
    for (const value of row) characters += value?.length ?? 0;
    if (batch.length >= batchRows || characters >= batchCharacters) await flush();
  }
  await flush();
  if (read !== total)
    throw new VerificationError([`table ${table.table}: the source counted ${total} rows and gave ${read}`]);
  return digest;
}

async function verify(
  { source, target, onProgress }: TransferOptions,
  tables: readonly PlannedTable[],
  copied: ReadonlyMap<string, TableDigest>,
): Promise<TransferredTable[]> {
  const report: TransferredTable[] = [];
  const problems: string[] = [];
  for (const table of tables) {
    const expected = copied.get(table.table) ?? new TableDigest();
    const counts = { source: await source.countRows(table.table), target: await target.countRows(table.table) };
    const found = new TableDigest();
    for await (const values of target.readRows(table))
      found.add(table.columns.map(({ kind }, at) => canonicalise(kind, values[at])));
    if (counts.source !== counts.target || found.rows !== expected.rows)
      problems.push(`table ${table.table}: expected ${counts.source} rows; got ${counts.target}`);
    else if (found.checksum !== expected.checksum)
      problems.push(`table ${table.table}: expected checksum ${expected.checksum}; got ${found.checksum}`);
    report.push({ table: table.table, rows: found.rows, checksum: found.checksum });
    onProgress('verified', table.table, found.rows, counts.source);
  }
  if (problems.length > 0) throw new VerificationError(problems);
  return report;
}
