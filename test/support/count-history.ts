import { addDays, type DayNumbers } from '../../runtime/site/analytics/numbers.ts';
import type { Row, TableRows } from '../../scripts/dataset/rows.ts';

/**
 * Counts the rows of a publication's history day by day, from its first one on, as nobody else does: from the rows themselves
 * and forwards, where the platform asks a database and goes backwards from what is there at the end.
 *
 * @param through last day to be told
 */
export function countHistory(history: readonly TableRows[], through: string): DayNumbers[] {
  const rows = (table: string): readonly Row[] =>
    history.filter((part) => part.table === table).flatMap((part) => part.rows);
  const published = rows('posts').filter(({ status }) => status === 'published' || status === 'sent');
  const redirects = new Map(rows('redirects').map(({ id, post_id }) => [id, post_id]));
  const firstClicks = new Map<string, Row>();
  for (const click of rows('members_click_events')) {
    const key = `${click.member_id} ${redirects.get(click.redirect_id)}`;
    const known = firstClicks.get(key);
    if (known === undefined || String(click.created_at) < String(known.created_at)) firstClicks.set(key, click);
  }
  const flows = {
    postsPublished: tally(published, 'published_at'),
    emailsSent: tally(rows('emails'), 'submitted_at', ({ email_count }) => Number(email_count)),
    emailsOpened: tally(rows('email_recipients'), 'opened_at'),
    emailsClicked: tally([...firstClicks.values()], 'created_at'),
    comments: tally(
      rows('comments').filter(({ status }) => status === 'published'),
      'created_at',
    ),
  };
  const changes = Map.groupBy(rows('members_status_events'), (event) => dayOfRow(event, 'created_at'));
  const payments = Map.groupBy(rows('members_paid_subscription_events'), (event) => dayOfRow(event, 'created_at'));
  const first = [...changes.keys(), ...Object.values(flows).flatMap((flow) => [...flow.keys()])].sort()[0] ?? through;
  const members: Record<string, number> = { free: 0, paid: 0, comped: 0 };
  const mrr: Record<string, number> = {};
  const days: DayNumbers[] = [];
  for (let day = first; day <= through; day = addDays(day, 1)) {
    const events = changes.get(day) ?? [];
    for (const { from_status: from, to_status: to } of events) {
      if (from !== null) members[String(from)] = (members[String(from)] ?? 0) - 1;
      members[String(to)] = (members[String(to)] ?? 0) + 1;
    }
    for (const { currency, mrr_delta: delta } of payments.get(day) ?? [])
      mrr[String(currency)] = (mrr[String(currency)] ?? 0) + Number(delta);
    const { free = 0, paid = 0, comped = 0 } = members;
    days.push({
      day,
      membersTotal: free + paid + comped,
      membersFree: free,
      membersPaid: paid,
      membersComped: comped,
      membersGifted: 0,
      membersNew: events.filter(({ from_status: from }) => from === null).length,
      paidNew: events.filter(({ to_status: to }) => to === 'paid').length,
      paidChurned: events.filter(({ from_status: from }) => from === 'paid').length,
      postsPublished: flows.postsPublished.get(day) ?? 0,
      emailsSent: flows.emailsSent.get(day) ?? 0,
      emailsOpened: flows.emailsOpened.get(day) ?? 0,
      emailsClicked: flows.emailsClicked.get(day) ?? 0,
      comments: flows.comments.get(day) ?? 0,
      mrr: { ...mrr },
    });
  }
  return days;
}

function dayOfRow(row: Row, column: string): string {
  return String(row[column]).slice(0, 10);
}

function tally(rows: readonly Row[], column: string, weigh: (row: Row) => number = () => 1): Map<string, number> {
  const days = new Map<string, number>();
  for (const row of rows) {
    if (row[column] === null) continue;
    const day = dayOfRow(row, column);
    days.set(day, (days.get(day) ?? 0) + weigh(row));
  }
  return days;
}
