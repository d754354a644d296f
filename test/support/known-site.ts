import { dayOf } from '../../runtime/site/analytics/numbers.ts';
import { createHistory } from '../../scripts/dataset/history.ts';
import { Random } from '../../scripts/dataset/random.ts';
import { rowId, type TableRows } from '../../scripts/dataset/rows.ts';
import { planKeys } from '../../sites/plans.ts';

/** A site of which everything is known by the seed: what is asked for, what its database holds, what it uses. */
export interface KnownSite {
  readonly slug: string;
  readonly creator: string;
  readonly domain: string;
  readonly plan: (typeof planKeys)[number];
  readonly seed: number;
  readonly members: number;
  /** Members who sign up after the first visit. */
  readonly newcomers: number;
  readonly storageBytes: number;
  /** Requests that its process has answered at the first visit, and at the last. */
  readonly requests: readonly [number, number];
}

const historyDays = 30;

/** Draws sites of so many creators. */
export function drawSites(seed: number, count: number, creators: number): KnownSite[] {
  const random = new Random(seed);
  return Array.from({ length: count }, (_, at) => {
    const slug = `site-${String(at).padStart(3, '0')}`;
    const first = random.integer(10, 500);
    return {
      slug,
      creator: `writer-${at % creators}@example.com`,
      domain: `${slug}.example.com`,
      plan: random.pick(planKeys),
      seed: random.integer(1, 1e9),
      members: random.integer(15, 60),
      newcomers: random.integer(1, 5),
      storageBytes: random.integer(1e6, 1e9),
      requests: [first, first + random.integer(1, 500)],
    };
  });
}

/** What its database holds from the beginning. @param through last day of it */
export function historyOf(site: KnownSite, through: string, newsletterId = ''): TableRows[] {
  return createHistory({ seed: site.seed, members: site.members, days: historyDays, through, newsletterId });
}

/** Members who sign up now. */
export function newcomersOf(site: KnownSite, now: Date): TableRows[] {
  const random = new Random(site.seed + 1);
  const at = `${dayOf(now)} ${now.toISOString().slice(11, 19)}`;
  const members = Array.from({ length: site.newcomers }, (_, number) => ({
    id: rowId('newcomers', number),
    uuid: random.uuid(),
    transient_id: random.hex(24),
    email: `newcomer-${number}@example.com`,
    name: `Newcomer ${number}`,
    status: 'free',
    created_at: at,
    updated_at: at,
  }));
  const events = members.map(({ id }, number) => ({
    id: rowId('events of newcomers', number),
    member_id: id,
    from_status: null,
    to_status: 'free',
    created_at: at,
  }));
  return [
    { table: 'members', rows: members },
    { table: 'members_status_events', rows: events },
  ];
}
