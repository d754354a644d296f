import type { Knex } from 'knex';
import type { PlatformDatabase, Transaction } from '../database/connection.ts';
import {
  type BackupRow,
  type BackupState,
  backupStateOf,
  type Freshness,
  type FreshnessRow,
  freshnessOf,
  staleSince,
  staleSql,
} from './staleness.ts';

/** What the fleet can be sorted by; the first of each is what needs somebody's attention. */
const orders = {
  slug: { value: 'sites.slug', descending: false },
  age: { value: "coalesce(refreshes.last_success_at, '-infinity')", descending: false },
  failures: { value: 'coalesce(refreshes.failures, 0)', descending: true },
  members: { value: 'coalesce(refreshes.members_total, 0)', descending: true },
  requests: { value: 'coalesce(refreshes.requests, 0)', descending: true },
  storage: { value: 'coalesce(refreshes.storage_bytes, 0)', descending: true },
  backup: { value: "coalesce(refreshes.newest_backup_at, '-infinity')", descending: false },
} as const;

export type FleetOrder = keyof typeof orders;
export const fleetOrders = Object.keys(orders) as readonly FleetOrder[];

export interface FleetQuery {
  /** Text in the slug, title, a domain or the creator's address. */
  readonly search?: string;
  readonly state?: string;
  readonly plan?: string;
  readonly strategy?: string;
  readonly cluster?: string;
  readonly stack?: string;
  /** Only those whose numbers are older than they should be. */
  readonly stale?: boolean;
  /** Only those whose last visit failed. */
  readonly failing?: boolean;
  /** @default 'slug' */
  readonly order?: FleetOrder;
  /** `next` of the page before. @default the first page */
  readonly after?: string;
  /** Sites on a page. @default 50 */
  readonly limit?: number;
}

/** A site on the page of the fleet. */
export interface FleetSite {
  readonly slug: string;
  readonly title: string;
  readonly url: string;
  readonly creatorId: string;
  readonly creatorEmail: string;
  readonly state: string;
  readonly plan: string;
  readonly strategy: string;
  readonly cluster: string | null;
  readonly stack: string;
  readonly membersTotal: number;
  readonly membersPaid: number;
  readonly mrr: Readonly<Record<string, number>>;
  readonly storageBytes: number | null;
  /** Requests on the last day that was read, so far. */
  readonly requests: number | null;
  /** Version of Ghost at the last visit. */
  readonly ghostVersion: string | null;
  readonly backups: BackupState;
  readonly freshness: Freshness;
}

export interface FleetPage {
  readonly sites: readonly FleetSite[];
  /** Where the next page begins; null on the last one. */
  readonly next: string | null;
}

interface Row extends FreshnessRow, BackupRow {
  readonly slug: string;
  readonly title: string;
  readonly url: string;
  readonly creator_id: string;
  readonly email: string;
  readonly plan: string;
  readonly strategy: string;
  readonly cluster: string | null;
  readonly stack: string;
  readonly members_total: number | null;
  readonly members_paid: number | null;
  readonly mrr: Readonly<Record<string, number>> | null;
  readonly storage_bytes: number | null;
  readonly requests: number | null;
  readonly ghost_version: string | null;
  readonly position: string;
}

/** A page of all sites that are there, for staff. */
export function getFleetSites(db: PlatformDatabase, query: FleetQuery, now: Date): Promise<FleetPage> {
  return db.asFleet(async (transaction) => {
    const limit = query.limit ?? 50;
    const rows = await pageOf(transaction, query, now, limit);
    const last = rows[limit - 1];
    const next = rows.length > limit && last !== undefined ? encodePosition([last.position, last.slug]) : null;
    return { sites: rows.slice(0, limit).map((row) => toFleetSite(row, now)), next };
  });
}

async function pageOf(db: Transaction, query: FleetQuery, now: Date, limit: number): Promise<Row[]> {
  const { value, descending } = orders[query.order ?? 'slug'];
  const direction = descending ? 'desc' : 'asc';
  const page = db('sites')
    .join('creators', 'creators.creator_id', 'sites.creator_id')
    .leftJoin({ refreshes: 'site_refreshes' }, 'refreshes.site_slug', 'sites.slug')
    .whereNull('sites.removed_at')
    .select(
      'sites.*',
      'email',
      'last_success_at',
      'failures',
      'error',
      'members_total',
      'members_paid',
      'mrr',
      'storage_bytes',
      'requests',
      'ghost_version',
      'backups_known',
      'newest_backup_at',
    )
    .select(db.raw(`(${value})::text as position`))
    .orderByRaw(`${value} ${direction}, sites.slug ${direction}`)
    .limit(limit + 1);
  filter(page, query, now);
  const position = decodePosition(query.after);
  if (position !== undefined) page.whereRaw(`(${value}, sites.slug) ${descending ? '<' : '>'} (?, ?)`, position);
  return page;
}

function filter(page: Knex.QueryBuilder, query: FleetQuery, now: Date): void {
  for (const column of ['state', 'plan', 'strategy', 'cluster', 'stack'] as const) {
    const wanted = query[column];
    if (wanted !== undefined) page.where(`sites.${column}`, wanted);
  }
  if (query.stale === true) page.whereRaw(staleSql, [staleSince(now)]);
  if (query.failing === true) page.where('failures', '>', 0);
  if (query.search !== undefined && query.search !== '') {
    const text = "concat_ws(' ', sites.slug, title, email, array_to_string(domains, ' '))";
    page.whereRaw(`${text} collate "C" ilike any (?)`, [patternsOf(query.search)]);
  }
}

/**
 * Patterns for `ilike` that find a text in any case. The collation C, under which ten thousand sites are searched in no time,
 * folds plain letters alone; others are asked for as they may stand in a title.
 */
function patternsOf(search: string): string[] {
  const lower = search.toLowerCase();
  const [first = '', ...rest] = lower;
  const spellings = new Set([lower, search.toUpperCase(), first.toUpperCase() + rest.join('')]);
  return [...spellings].map((spelling) => `%${spelling.replaceAll(/[\\%_]/g, '\\$&')}%`);
}

function toFleetSite(row: Row, now: Date): FleetSite {
  return {
    slug: row.slug,
    title: row.title,
    url: row.url,
    creatorId: row.creator_id,
    creatorEmail: row.email,
    state: row.state,
    plan: row.plan,
    strategy: row.strategy,
    cluster: row.cluster,
    stack: row.stack,
    membersTotal: row.members_total ?? 0,
    membersPaid: row.members_paid ?? 0,
    mrr: row.mrr ?? {},
    storageBytes: row.storage_bytes,
    requests: row.requests,
    ghostVersion: row.ghost_version,
    backups: backupStateOf(row, now),
    freshness: freshnessOf(row, now),
  };
}

type Position = readonly [value: string, slug: string];

function encodePosition(position: Position): string {
  return Buffer.from(JSON.stringify(position)).toString('base64url');
}

/** @returns undefined for no position, and for what is none: a page's address may be anything */
function decodePosition(text: string | undefined): Position | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(text ?? '', 'base64url').toString());
    return Array.isArray(value) && value.length === 2 && value.every((part) => typeof part === 'string')
      ? (value as unknown as Position)
      : undefined;
  } catch {
    return undefined;
  }
}
