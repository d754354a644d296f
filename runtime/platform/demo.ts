import { addDays, dayOf, daysOf } from '../database/analytics/reader.ts';
import { followRegistry } from './billing/follow-registry.ts';
import { recordMeteredDays } from './billing/metered.ts';
import type { Transaction } from './database/connection.ts';
import type { Services } from './services.ts';

const historyDays = 400;
/** Enough for two invoices. */
const billedDays = 75;

/**
 * Fills the dashboard of sites that have no numbers with a year of made-up ones, the same for the same slug: for looking
 * around. A site with numbers of its own is left alone.
 *
 * @returns slugs of the sites that were filled
 */
export async function seedDemo({ database, now }: Services): Promise<string[]> {
  return database.asFleet(async (db) => {
    const sites: { slug: string; creator_id: string }[] = await db('sites')
      .whereNull('removed_at')
      .whereNotExists(db('daily_metrics').whereRaw('site_slug = sites.slug and members_total > 0').select(db.raw('1')))
      .orderBy('slug')
      .select('slug', 'creator_id');
    for (const site of sites) await seedSite(db, site, now());
    if (sites.length > 0) {
      const opened = new Date(now().getTime() - billedDays * 86_400_000);
      await followRegistry(db, opened);
      await recordMeteredDays(db, now(), billedDays);
    }
    return sites.map(({ slug }) => slug);
  });
}

async function seedSite(db: Transaction, site: { slug: string; creator_id: string }, now: Date): Promise<void> {
  const through = dayOf(now);
  const days = daysOf({ from: addDays(through, -historyDays), through });
  const next = randomOf(site.slug);
  const pace = 1 + 3 * next();
  const price = 500 + 100 * Math.floor(6 * next());
  let free = Math.floor(20 + 60 * next());
  let paid = 0;
  const key = { creator_id: site.creator_id, site_slug: site.slug };
  const rows = days.map((day, at) => {
    const weekend = [0, 6].includes(new Date(`${day}T00:00:00Z`).getUTCDay());
    const joined = Math.floor(pace * (weekend ? 0.5 : 1) * 3 * next());
    const paying = next() < 0.35 ? Math.floor(1 + 2 * next()) : 0;
    const left = paid > 12 && next() < 0.12 ? 1 : 0;
    free += joined - Math.min(paying, free);
    paid += paying - left;
    const posted = !weekend && next() < 0.4 ? 1 : 0;
    const sent = posted * (free + paid);
    const opened = Math.floor(sent * (0.4 + 0.2 * next()));
    return {
      ...key,
      day,
      members_total: free + paid,
      members_free: free,
      members_paid: paid,
      members_comped: 0,
      members_gifted: 0,
      members_new: joined,
      paid_new: paying,
      paid_churned: left,
      posts_published: posted,
      emails_sent: sent,
      emails_opened: opened,
      emails_clicked: Math.floor(opened * 0.15 * next()),
      comments: posted * Math.floor(12 * next()),
      requests: Math.floor((free + paid) * (6 + 6 * next())),
      storage_bytes: 40_000_000 + at * 700_000,
    };
  });
  await db.batchInsert('daily_metrics', rows, 200);
  const revenue = rows.map(({ day, members_paid }) => ({ ...key, day, currency: 'eur', mrr: members_paid * price }));
  await db.batchInsert('daily_revenue', revenue, 400);
  const last = rows.at(-1);
  if (last === undefined) return;
  const refresh = {
    ...key,
    last_attempt_at: now,
    last_success_at: now,
    // Ghost's own numbers, of which there are none, would take the place of these.
    next_due_at: new Date(now.getTime() + 365 * 86_400_000),
    first_day: rows[0]?.day,
    last_day: last.day,
    members_total: last.members_total,
    members_paid: last.members_paid,
    mrr: JSON.stringify({ eur: last.members_paid * price }),
    staff: 2,
    storage_bytes: last.storage_bytes,
    requests: last.requests,
    backups_known: true,
    newest_backup_at: new Date(now.getTime() - Math.ceil(20 * next()) * 3_600_000),
  };
  await db('site_refreshes').insert(refresh).onConflict('site_slug').merge();
  await db.raw('select sum_creator_days(?, ?)', [key.creator_id, rows[0]?.day ?? last.day]);
}

/** Numbers from 0 to 1 that are the same for the same text (mulberry32). */
function randomOf(text: string): () => number {
  let state = [...text].reduce((hash, letter) => Math.imul(hash ^ letter.charCodeAt(0), 2_654_435_761), 42);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
