import type { DayNumbers, SiteNumbers } from '../../database/analytics/reader.ts';
import type { Transaction } from '../database/connection.ts';
import { columns, lateColumns } from './columns.ts';
import { countNewRequests, type SiteUsage, type StoredCounters } from './usage.ts';

/** One successful visit of a site. */
export interface Visit {
  readonly slug: string;
  readonly now: Date;
  readonly numbers: SiteNumbers;
  /** Days from this one on are written as they are; of those before it only what is counted late. */
  readonly from: string;
  readonly usage: SiteUsage;
  readonly durationMs: number;
  readonly nextDueAt: Date;
}

/** A row of `site_refreshes` that this transaction has locked. */
interface LockedRefresh {
  readonly creator_id: string;
  readonly last_success_at: Date | null;
  readonly failures: number;
  readonly request_counters: StoredCounters;
  /** Revenue of the last day by currency. */
  readonly mrr: Readonly<Record<string, number>>;
}

/**
 * Writes what a visit found, in the caller's transaction. Written twice it changes nothing; what a later visit has written
 * is left alone.
 *
 * @returns whether it was written; not where a later visit was faster or the site is no longer there
 */
export async function storeVisit(db: Transaction, visit: Visit): Promise<boolean> {
  const { slug, now, numbers, from, usage } = visit;
  const refresh = await lockRefresh(db, slug, now);
  if (refresh === undefined || (refresh.last_success_at !== null && refresh.last_success_at > now)) return false;
  const site = { creator_id: refresh.creator_id, site_slug: slug };
  const days = numbers.days.filter(({ day }) => day >= from);
  const late = numbers.days.filter(({ day }) => day < from);
  const last = days.at(-1);
  if (last === undefined) return false;
  await putMetrics(db, site, days);
  const changedLate = await putLateMetrics(db, site, late);
  await putRevenue(db, site, days, Object.keys(refresh.mrr));
  const requests = usage.requests && countNewRequests(refresh.request_counters, usage.requests);
  await putUsage(db, { ...site, day: last.day }, usage.storageBytes, requests?.added);
  await db('site_refreshes')
    .where({ site_slug: slug })
    .update({
      last_success_at: now,
      next_due_at: visit.nextDueAt,
      failures: 0,
      error: null,
      duration_ms: Math.round(visit.durationMs),
      first_day: db.raw('least(first_day, ?::date)', [days[0]?.day ?? last.day]),
      last_day: last.day,
      members_total: last.membersTotal,
      members_paid: last.membersPaid,
      mrr: JSON.stringify(last.mrr),
      staff: numbers.staff,
      ...(requests === undefined ? {} : { request_counters: JSON.stringify(requests.counters) }),
      ...(usage.storageBytes === undefined ? {} : { storage_bytes: usage.storageBytes }),
      ...(usage.ghostVersion === undefined ? {} : { ghost_version: usage.ghostVersion }),
      ...(usage.newestBackupAt === undefined ? {} : { newest_backup_at: usage.newestBackupAt, backups_known: true }),
      requests: db('daily_metrics').where(site).where({ day: last.day }).select('requests'),
    });
  await sumDays(db, site.creator_id, (changedLate ? late[0]?.day : days[0]?.day) ?? last.day, days.length);
  return true;
}

/** Days in one visit from which on the sums of the creator's days are left to the next one: a first visit brings hundreds. */
const manyDays = 31;

/** Makes the creator's sums anew; last in a visit, since other visits of the creator's sites wait for it. */
async function sumDays(db: Transaction, creatorId: string, since: string, days: number): Promise<void> {
  if (days < manyDays) await db.raw('select sum_creator_days(?, ?)', [creatorId, since]);
  else await db('creator_sums').insert({ creator_id: creatorId, stale: true }).onConflict('creator_id').merge();
}

/** Writes that a visit failed; the numbers stay as they were. */
export async function storeFailure(
  db: Transaction,
  failure: { slug: string; now: Date; error: string; durationMs: number; nextDueAt(failures: number): Date },
): Promise<void> {
  const refresh = await lockRefresh(db, failure.slug, failure.now);
  if (refresh === undefined || (refresh.last_success_at !== null && refresh.last_success_at >= failure.now)) return;
  const failures = refresh.failures + 1;
  await db('site_refreshes')
    .where({ site_slug: failure.slug })
    .update({
      failures,
      error: failure.error.slice(0, 500),
      duration_ms: Math.round(failure.durationMs),
      next_due_at: failure.nextDueAt(failures),
    });
}

/** Locks the site's state until the transaction ends, made first where it is new: two visits write one after the other. */
async function lockRefresh(db: Transaction, slug: string, now: Date): Promise<LockedRefresh | undefined> {
  // Until the transaction ends nobody hands the site over.
  const site = await db('sites').where({ slug }).select('creator_id').forKeyShare().first();
  if (site === undefined) return undefined;
  const [row] = await db('site_refreshes')
    .insert({ site_slug: slug, creator_id: site.creator_id, last_attempt_at: now, next_due_at: now })
    .onConflict('site_slug')
    .merge({ last_attempt_at: db.raw('greatest(site_refreshes.last_attempt_at, excluded.last_attempt_at)') })
    .returning(['creator_id', 'last_success_at', 'failures', 'request_counters', 'mrr']);
  return row as LockedRefresh;
}

type SiteKey = { readonly creator_id: string; readonly site_slug: string };

async function putMetrics(db: Transaction, site: SiteKey, days: readonly DayNumbers[]): Promise<void> {
  const names = Object.values(columns);
  await db.raw(
    `insert into daily_metrics (creator_id, site_slug, day, ${names.join(', ')})
     select ?, ?, day, ${names.join(', ')} from jsonb_to_recordset(?::jsonb) as days (day date, ${typed(names)})
     on conflict (creator_id, site_slug, day) do update set ${names.map((name) => `${name} = excluded.${name}`).join(', ')}`,
    [site.creator_id, site.site_slug, rowsOf(days)],
  );
}

/** @returns whether any of them changed */
async function putLateMetrics(db: Transaction, site: SiteKey, days: readonly DayNumbers[]): Promise<boolean> {
  if (days.length === 0) return false;
  const { rowCount } = await db.raw(
    `update daily_metrics as stored set ${lateColumns.map((name) => `${name} = days.${name}`).join(', ')}
       from jsonb_to_recordset(?::jsonb) as days (day date, ${typed(lateColumns)})
      where stored.creator_id = ? and stored.site_slug = ? and stored.day = days.day
        and (${lateColumns.map((name) => `stored.${name}`).join(', ')}) <> (${lateColumns.map((name) => `days.${name}`).join(', ')})`,
    [rowsOf(days), site.creator_id, site.site_slug],
  );
  return rowCount > 0;
}

/** @param before currencies of the last visit */
async function putRevenue(
  db: Transaction,
  site: SiteKey,
  days: readonly DayNumbers[],
  before: readonly string[],
): Promise<void> {
  const rows = days.flatMap(({ day, mrr }) =>
    Object.entries(mrr).map(([currency, amount]) => ({ day, currency, mrr: amount })),
  );
  await db.raw(
    `insert into daily_revenue (creator_id, site_slug, day, currency, mrr)
     select ?, ?, day, currency, mrr from jsonb_to_recordset(?::jsonb) as days (day date, currency text, mrr bigint)
     on conflict (creator_id, site_slug, day, currency) do update set mrr = excluded.mrr`,
    [site.creator_id, site.site_slug, JSON.stringify(rows)],
  );
  // Whoever paid in a currency alone may be deleted, and Ghost knows nothing of it any more.
  const gone = before.filter((currency) => !rows.some((row) => row.currency === currency));
  if (gone.length === 0) return;
  const since = days[0]?.day ?? '';
  await db('daily_revenue').where(site).where('day', '>=', since).whereIn('currency', gone).update({ mrr: 0 });
}

async function putUsage(
  db: Transaction,
  key: SiteKey & { day: string },
  storageBytes: number | undefined,
  requests: number | undefined,
): Promise<void> {
  const known = {
    ...(storageBytes === undefined ? {} : { storage_bytes: storageBytes }),
    ...(requests === undefined ? {} : { requests: db.raw('coalesce(requests, 0) + ?', [requests]) }),
  };
  if (Object.keys(known).length > 0) await db('daily_metrics').where(key).update(known);
}

function typed(names: readonly string[]): string {
  return names.map((name) => `${name} integer`).join(', ');
}

function rowsOf(days: readonly DayNumbers[]): string {
  const names = Object.entries(columns) as [keyof typeof columns, string][];
  return JSON.stringify(
    days.map((numbers) => ({
      day: numbers.day,
      ...Object.fromEntries(names.map(([metric, name]) => [name, numbers[metric]])),
    })),
  );
}
