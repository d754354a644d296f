/** What is known of a site; undefined where nothing is. */
export interface StatusRow {
  readonly site: string;
  /** `ready`, `starting`, `paused`, or what keeps it from being ready. */
  readonly state: string;
  /** Release of Ghost, or the image that runs it. */
  readonly version: string | undefined;
  readonly database: string | undefined;
  /** Ready and wanted, such as `1/1`. */
  readonly replicas: string;
  readonly restarts: number;
  /** Moment of the newest complete backup, in ISO 8601. */
  readonly lastBackup: string | undefined;
  readonly url: string | undefined;
}

const columns = ['site', 'state', 'version', 'database', 'replicas', 'restarts', 'last backup', 'url'] as const;

/** The rows as a table for a terminal. */
export function formatRows(rows: readonly StatusRow[]): string {
  const cells = rows.map((row) => [
    ...[row.site, row.state, row.version ?? '–', row.database ?? '–', row.replicas, String(row.restarts)],
    ...[row.lastBackup ?? 'none', row.url ?? '–'],
  ]);
  const widths = columns.map((column, at) => Math.max(column.length, ...cells.map((row) => row[at]?.length ?? 0)));
  return [columns, ...cells]
    .map((row) =>
      row
        .map((cell, at) => cell.padEnd(widths[at] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
