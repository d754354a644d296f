import type { DayNumbers } from '../../database/analytics/reader.ts';

/** A figure of a day that is one number. */
export type Metric = Exclude<keyof DayNumbers, 'day' | 'mrr'>;

/** Members and what else is as it was at the end of a day: days do not add up. */
export const gauges = {
  membersTotal: 'members_total',
  membersFree: 'members_free',
  membersPaid: 'members_paid',
  membersComped: 'members_comped',
  membersGifted: 'members_gifted',
} as const satisfies Partial<Record<Metric, string>>;

/** What happened on a day: days add up. */
export const flows = {
  membersNew: 'members_new',
  paidNew: 'paid_new',
  paidChurned: 'paid_churned',
  postsPublished: 'posts_published',
  emailsSent: 'emails_sent',
  emailsOpened: 'emails_opened',
  emailsClicked: 'emails_clicked',
  comments: 'comments',
} as const satisfies Partial<Record<Metric, string>>;

export type Gauge = keyof typeof gauges;
export type Flow = keyof typeof flows;

/** Column of `daily_metrics` by metric. */
export const columns: Readonly<Record<Metric, string>> = { ...gauges, ...flows };

/** What Ghost goes on counting for days that are over: newsletters are opened late, and mail services tell late. */
export const lateColumns = [flows.emailsSent, flows.emailsOpened, flows.emailsClicked] as const;
