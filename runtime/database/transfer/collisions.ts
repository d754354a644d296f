import type { Collision, FoldingIndex, TransferSource, TransferTarget } from './database.ts';
import type { PlannedTable } from './plan.ts';
import { ProblemList } from './refusal.ts';
import { fitRow, nameRow } from './rows.ts';
import type { CanonicalValue } from './values.ts';

/**
 * Looks for texts that the source keeps apart and a unique index of the target does not (e-mails that differ in case
 * alone, from SQLite): all of them, with the rows, by the index's own collation.
 *
 * @throws TransferRefusedError with a line for each collision
 */
export async function refuseCollisions(
  source: TransferSource,
  target: TransferTarget,
  tables: readonly PlannedTable[],
  onProgress: (table: string, rows: number) => void,
): Promise<void> {
  const collisions: Collision[] = [];
  for (const index of await target.readFoldingIndexes()) {
    const table = tables.find((candidate) => candidate.table === index.table);
    const rows = table === undefined ? 0 : await source.countRows(table.table);
    if (table === undefined || rows < 2) continue;
    collisions.push(...(await target.findCollisions(index, readKeys(source, table, index))));
    onProgress(table.table, rows);
  }
  const problems = new ProblemList();
  for (const { table, index, rows } of collisions)
    problems.add(`table ${table}: expected values that ${index} keeps apart; got ${rows.join(' and ')}`);
  problems.refuse();
}

async function* readKeys(
  source: TransferSource,
  table: PlannedTable,
  index: FoldingIndex,
): AsyncIterable<{ key: string; values: CanonicalValue[] }> {
  const columns = table.columns.filter(({ name }) => table.key.includes(name) || index.columns.includes(name));
  const keys = { ...table, columns };
  const shown = index.columns.filter((name) => !table.key.includes(name));
  for await (const values of source.readRows(keys)) {
    // A value that does not fit is reported with all others of its row, when that is copied.
    const row = fitRow(keys, values, { holdsNul: false, onChange: () => undefined, unfit: new ProblemList() });
    if (row === undefined) continue;
    const pick = (name: string) => row[columns.findIndex((column) => column.name === name)] ?? null;
    const texts = shown.map((name) => `${name} ${JSON.stringify(pick(name))}`);
    yield { key: [nameRow(keys, row), ...texts].join(' '), values: index.columns.map(pick) };
  }
}
