import { TransferRefusedError } from '../../runtime/database/transfer/refusal.ts';
import type { TransferProgress, TransferReport } from '../../runtime/database/transfer/transfer.ts';

/**
 * Shows on standard error how far a transfer is: one line that changes on a terminal, a line a table elsewhere. Ctrl-C
 * ends the transfer at the next batch, with everything rolled back.
 */
export function showProgress(): TransferProgress {
  let interrupted = false;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.once(signal, () => {
      interrupted = true;
    });
  return (phase, table, rows, total) => {
    if (interrupted) throw new TransferRefusedError(['interrupted: everything was rolled back']);
    const line = `${phase} ${table}: ${rows} of ${total}`;
    if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${line}`);
    else if (total > 0 && rows === total && phase !== 'checked') console.error(line);
  };
}

/** The tables that have rows, with their checksums, and a sum. */
export function formatReport({ tables, changes }: TransferReport): string {
  const filled = tables.filter(({ rows }) => rows > 0);
  const width = Math.max(5, ...filled.map(({ table }) => table.length));
  const lines = filled.map(
    ({ table, rows, checksum }) => `${table.padEnd(width)} ${String(rows).padStart(9)}  ${checksum}`,
  );
  const total = filled.reduce((sum, { rows }) => sum + rows, 0);
  return [
    `${'table'.padEnd(width)} ${'rows'.padStart(9)}  checksum, the same on both sides`,
    ...lines,
    ...changes,
    `${tables.length} tables, ${filled.length} of them with rows: ${total} rows moved and verified`,
  ].join('\n');
}
