import { columns } from '../../../runtime/platform/analytics/columns.ts';
import { getDashboardData } from '../../../runtime/platform/analytics/dashboard.ts';
import type { PlatformDatabase, Transaction } from '../../../runtime/platform/database/connection.ts';
import type { DayNumbers } from '../../../runtime/site/analytics/numbers.ts';
import { titleOf } from '../../../sites/candidate.ts';
import type { KnownSite } from '../../support/known-site.ts';
import { type CaughtMail, headerOf } from '../../support/mail-server.ts';
import { clusterName } from './names.ts';
import type { Repository } from './repository.ts';

/** What was done and what is known of it. */
export interface Evidence {
  readonly database: PlatformDatabase;
  readonly sites: readonly KnownSite[];
  /** Ids of the acknowledged jobs, by slug. */
  readonly jobs: ReadonlyMap<string, string>;
  readonly repository: Repository;
  readonly mails: readonly CaughtMail[];
  /** What every site's numbers are, by slug. */
  readonly numbers: ReadonlyMap<string, readonly DayNumbers[]>;
  /** Slugs of the sites that the real engine deployed and whose Ghost has answered. */
  readonly answered: readonly string[];
}

const steps = ['write the registry entry', 'apply', 'wait for the site', 'register', 'send the link'];

/** Everything that each provisioning has to have done once. @returns what is wrong, a line each */
export async function judgeProvisionings({ database, sites, jobs, repository, mails }: Evidence): Promise<string[]> {
  const wrong: string[] = [];
  const commits = await repository.commits();
  const files = await repository.files();
  const rows = await database.asFleet(readRows);
  const expectOne = (slug: string, what: string, count: number) => {
    if (count !== 1) wrong.push(`${slug}: ${count} × ${what}`);
  };
  for (const { slug, creator, plan } of sites) {
    const [job, ...more] = rows.jobs.filter(({ key }) => key === slug);
    if (job?.id !== jobs.get(slug) || more.length > 0) wrong.push(`${slug}: the acknowledged job is not its only one`);
    else if (job?.state !== 'done') wrong.push(`${slug}: its job is ${job?.state}: ${job?.error}`);
    else if (JSON.stringify(job.steps.map(({ name }) => name)) !== JSON.stringify(steps))
      wrong.push(`${slug}: its job did ${JSON.stringify(job.steps)}`);
    expectOne(slug, 'commit', commits.filter((commit) => commit === `${creator}: sites: add ${slug}`).length);
    expectOne(slug, 'file in the registry', files.filter((file) => file === `sites/${slug}.yaml`).length);
    const registered = rows.sites.filter((site) => site.slug === slug);
    expectOne(slug, 'registered', registered.length);
    if (registered[0]?.email !== creator || registered[0]?.plan !== plan)
      wrong.push(`${slug}: registered as ${JSON.stringify(registered)}`);
    expectOne(slug, 'in the audit log', rows.audit.filter(({ subject }) => subject === slug).length);
    const subscriptions = rows.subscriptions.filter(({ site }) => site === slug);
    expectOne(slug, 'subscription', subscriptions.length);
    if (subscriptions[0]?.plan !== plan) wrong.push(`${slug}: subscribed to ${subscriptions[0]?.plan}`);
    // A message may be handed in twice, under one name: whoever keeps it keeps one.
    const subject = `${titleOf(slug)} is ready`;
    const sent = mails.filter((mail) => mail.to.includes(creator) && headerOf(mail, 'Subject') === subject);
    expectOne(slug, 'message to its creator', new Set(sent.map((mail) => headerOf(mail, 'Message-ID'))).size);
  }
  const others = [commits.length - 1 - sites.length, files.length - sites.length, rows.sites.length - sites.length];
  if (others.some((count) => count !== 0)) wrong.push(`more or less than was asked for: ${others.join(', ')}`);
  return wrong;
}

/**
 * The sites that the real engine made, each of which is a Ghost that has answered.
 *
 * @param atLeast so many of them @returns what is wrong, a line each
 */
export async function judgeReal({ database, answered }: Evidence, atLeast: number): Promise<string[]> {
  const ofReal = { cluster: clusterName };
  const found = await database.asFleet((db) => db('sites').where(ofReal).select('slug').orderBy('slug'));
  const slugs = found.map(({ slug }) => slug as string);
  return [
    ...(slugs.length < atLeast ? [`${slugs.length} sites by the real engine, expected ${atLeast}`] : []),
    ...(JSON.stringify([...answered].sort()) === JSON.stringify(slugs)
      ? []
      : [`Ghosts answered for ${[...answered].sort().join(', ')}; the real engine made ${slugs.join(', ')}`]),
  ];
}

/** The sites' numbers, day by day, and their creators' sums. @returns what is wrong, a line each */
export async function judgeNumbers({ database, sites, numbers }: Evidence): Promise<string[]> {
  const wrong: string[] = [];
  for (const site of sites) {
    const expected = numbers.get(site.slug) ?? [];
    const { metrics, revenue } = await database.asFleet((db) => readNumbers(db, site.slug));
    if (metrics.length !== expected.length)
      wrong.push(`${site.slug}: expected ${expected.length} days; got ${metrics.length}`);
    for (const [at, day] of expected.entries()) {
      const row = metrics[at];
      for (const [metric, column] of Object.entries(columns) as [keyof typeof columns, string][])
        if (row?.day !== day.day || row[column] !== day[metric])
          wrong.push(`${site.slug} on ${day.day}: expected ${metric} ${day[metric]}; got ${row?.[column]}`);
      for (const [currency, amount] of Object.entries(day.mrr)) {
        const found = revenue.filter((one) => one.day === day.day && one.currency === currency);
        if (found.length > 1 || (found[0]?.mrr ?? 0) !== amount)
          wrong.push(`${site.slug} on ${day.day}: expected ${amount} ${currency}; got ${JSON.stringify(found)}`);
      }
    }
    const requests = metrics.reduce((sum, row) => sum + Number(row.requests ?? 0), 0);
    if (requests !== site.requests[1])
      wrong.push(`${site.slug}: expected ${site.requests[1]} requests; got ${requests}`);
    const storage = metrics.at(-1)?.storage_bytes;
    if (storage !== site.storageBytes) wrong.push(`${site.slug}: expected ${site.storageBytes} bytes; got ${storage}`);
  }
  for (const creator of new Set(sites.map((site) => site.creator)))
    wrong.push(...(await judgeTotals(database, creator, sites, numbers)));
  return wrong;
}

/** What a creator's own page says of the last day. */
async function judgeTotals(
  database: PlatformDatabase,
  creator: string,
  sites: readonly KnownSite[],
  numbers: Evidence['numbers'],
): Promise<string[]> {
  const id = await database.asFleet(async (db) => (await db('creators').where({ email: creator }).first()).creator_id);
  const last = sites.filter((site) => site.creator === creator).map(({ slug }) => numbers.get(slug)?.at(-1));
  const day = last[0]?.day ?? '';
  const { totals, siteCount } = await getDashboardData(database, id, { from: day, through: day }, { now: new Date() });
  const sum = (pick: (numbers: DayNumbers) => number) => last.reduce((all, one) => all + (one ? pick(one) : 0), 0);
  const expected: Record<string, [number, number | undefined]> = {
    sites: [last.length, siteCount],
    ...Object.fromEntries(
      (['membersTotal', 'membersPaid', 'membersNew', 'postsPublished', 'emailsOpened'] as const).map((metric) => [
        metric,
        [sum((one) => one[metric]), totals.metrics[metric].current],
      ]),
    ),
    ...Object.fromEntries(
      ['eur', 'usd'].map((currency) => [
        currency,
        [sum(({ mrr }) => mrr[currency] ?? 0), totals.mrr[currency]?.current ?? 0],
      ]),
    ),
  };
  return Object.entries(expected)
    .filter(([, [wanted, got]]) => wanted !== got)
    .map(([what, [wanted, got]]) => `${creator}: expected ${wanted} ${what}; got ${got}`);
}

interface JobRow {
  readonly id: string;
  readonly key: string;
  readonly state: string;
  readonly error: string | null;
  readonly steps: readonly { readonly name: string }[];
}

async function readRows(db: Transaction) {
  return {
    jobs: (await db('jobs').where({ kind: 'site.create' })) as JobRow[],
    sites: (await db('sites')
      .join('creators', 'creators.creator_id', 'sites.creator_id')
      .whereNull('removed_at')
      .select('slug', 'plan', 'email')) as { slug: string; plan: string; email: string }[],
    audit: (await db('audit_log').where({ action: 'site.create' }).select('subject')) as { subject: string }[],
    subscriptions: (await db('subscription_events').select('site', 'type', 'plan')) as {
      site: string;
      type: string;
      plan: string;
    }[],
  };
}

async function readNumbers(db: Transaction, slug: string) {
  return {
    metrics: (await db('daily_metrics').where({ site_slug: slug }).orderBy('day')) as Record<string, unknown>[],
    revenue: (await db('daily_revenue').where({ site_slug: slug })) as { day: string; currency: string; mrr: number }[],
  };
}
