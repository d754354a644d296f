/** How old a site's numbers are and why. */
export interface Freshness {
  /** When the site was last read; null where it never was. */
  readonly refreshedAt: Date | null;
  /** Seconds since then. */
  readonly ageSeconds: number | null;
  /** Whether they are older than they should be. */
  readonly stale: boolean;
  /** Failed visits since the last successful one. */
  readonly failures: number;
  /** Why the last visit failed. */
  readonly error: string | null;
}

/** Numbers of an active site that are older than this, in milliseconds, are stale: two visits were missed. */
export const staleAfterMs = 3 * 3_600_000;

/** What SQL says of a row of `sites` joined with `site_refreshes` as `refreshes`; its parameter is {@link staleSince}. */
export const staleSql =
  "(sites.state = 'active' and coalesce(refreshes.last_success_at, '-infinity') < ?::timestamptz)";

export function staleSince(now: Date): Date {
  return new Date(now.getTime() - staleAfterMs);
}

/** What is known of a site's backups. */
export interface BackupState {
  /** False: the site cannot say whether there are any. */
  readonly known: boolean;
  /** When the newest complete one was begun; null where there is none, or nobody knows. */
  readonly newestAt: Date | null;
  /** Whether there should be a newer one. */
  readonly overdue: boolean;
}

/** Plans back up daily at least; a schedule may slip by an hour or two. In milliseconds. */
const backupMaxAgeMs = 26 * 3_600_000;

/** Columns of `site_refreshes` that {@link backupStateOf} reads. */
export interface BackupRow {
  readonly backups_known: boolean | null;
  readonly newest_backup_at: Date | null;
}

export function backupStateOf({ backups_known, newest_backup_at: newestAt }: BackupRow, now: Date): BackupState {
  const known = backups_known ?? false;
  const overdue = known && (newestAt === null || now.getTime() - newestAt.getTime() > backupMaxAgeMs);
  return { known, newestAt, overdue };
}

export interface FreshnessRow {
  readonly state: string;
  readonly last_success_at: Date | null;
  readonly failures: number | null;
  readonly error: string | null;
}

export function freshnessOf(row: FreshnessRow, now: Date): Freshness {
  const { last_success_at: refreshedAt } = row;
  const age = refreshedAt === null ? null : Math.max(0, now.getTime() - refreshedAt.getTime());
  return {
    refreshedAt,
    ageSeconds: age === null ? null : Math.round(age / 1000),
    stale: row.state === 'active' && (age === null || age > staleAfterMs),
    failures: row.failures ?? 0,
    error: row.error,
  };
}
