import type { Knex } from 'knex';
import { Random } from './random.ts';
import { type Row, rowId, type TableRows } from './rows.ts';

export interface HistoryOptions {
  readonly seed: number;
  /** Last day of the history, `YYYY-MM-DD`. */
  readonly through: string;
  readonly days: number;
  /** Members at its end, about; those who left are still members, only not paying ones. */
  readonly members: number;
  /** Id of the newsletter that posts go out with. */
  readonly newsletterId: string;
}

/** Tables of a history in the order in which their rows are inserted. */
const tables = [
  ...['members', 'members_status_events', 'members_stripe_customers', 'members_stripe_customers_subscriptions'],
  ...['members_paid_subscription_events', 'posts', 'emails', 'email_batches', 'email_recipients', 'redirects'],
  ...['members_click_events', 'comments'],
] as const;

interface Member {
  readonly row: Record<string, unknown>;
  /** The subscription that is paid for; none while the member does not pay. */
  subscription: Record<string, unknown> | undefined;
}

/**
 * The history of a publication as Ghost would have recorded it, the same for the same seed: members come, begin to pay,
 * change plans, cease to pay and are given access; each week a post goes out, is opened, clicked and commented upon.
 */
export function createHistory(options: HistoryOptions): TableRows[] {
  return new History(options).write();
}

/** Fills a database that Ghost has initialised. */
export async function insertHistory(knex: Knex, history: readonly TableRows[]): Promise<void> {
  await knex.transaction(async (transaction) => {
    for (const { table, rows } of history)
      for (let at = 0; at < rows.length; at += 100) await transaction(table).insert(rows.slice(at, at + 100));
  });
}

class History {
  readonly #options: HistoryOptions;
  readonly #random: Random;
  readonly #rows = new Map<string, Row[]>(tables.map((table) => [table, []]));
  readonly #members: Member[] = [];

  constructor(options: HistoryOptions) {
    this.#options = options;
    this.#random = new Random(options.seed);
  }

  write(): TableRows[] {
    const { days, through, members } = this.#options;
    for (let ago = days - 1; ago >= 0; ago -= 1) {
      const day = new Date(Date.parse(`${through}T00:00:00Z`) - ago * 86_400_000).toISOString().slice(0, 10);
      const wanted = Math.round((members * (days - ago)) / days);
      while (this.#members.length < wanted) this.#join(day);
      for (const member of this.#members) if (this.#random.chance(0.01)) this.#change(member, day);
      if (ago % 7 === 3) this.#publish(day);
    }
    return [...this.#rows].map(([table, rows]) => ({ table, rows }));
  }

  #join(day: string): void {
    const at = this.#moment(day);
    const number = this.#members.length;
    const row = this.#add('members', {
      uuid: this.#random.uuid(),
      transient_id: this.#random.hex(24),
      email: `reader-${number}@example.com`,
      name: `Reader ${number}`,
      status: 'free',
      created_at: at,
      updated_at: at,
    });
    this.#add('members_status_events', { member_id: row.id, from_status: null, to_status: 'free', created_at: at });
    this.#members.push({ row, subscription: undefined });
  }

  /** A member begins to pay, pays for another plan, ceases to pay, or is given access. */
  #change(member: Member, day: string): void {
    const at = this.#moment(day);
    const { row, subscription } = member;
    if (row.status === 'comped') this.#setStatus(row, 'free', at);
    else if (subscription === undefined && this.#random.chance(0.2)) this.#setStatus(row, 'comped', at);
    else if (subscription === undefined) {
      member.subscription = this.#subscribe(row, at);
      this.#setStatus(row, 'paid', at);
    } else if (this.#random.chance(0.4)) this.#pay(row, subscription, this.#random.integer(5, 30) * 100, 'updated', at);
    else {
      this.#pay(row, subscription, 0, 'canceled', at);
      Object.assign(subscription, { status: 'canceled' });
      member.subscription = undefined;
      this.#setStatus(row, 'free', at);
    }
  }

  #setStatus(row: Record<string, unknown>, status: string, at: string): void {
    const event = { member_id: row.id, from_status: row.status, to_status: status, created_at: at };
    this.#add('members_status_events', event);
    row.status = status;
  }

  #subscribe(row: Record<string, unknown>, at: string): Record<string, unknown> {
    const customer = {
      member_id: row.id,
      customer_id: `cus_${this.#random.hex(14)}`,
      name: row.name,
      email: row.email,
    };
    this.#add('members_stripe_customers', { ...customer, created_at: at });
    const currency = this.#random.chance(0.7) ? 'usd' : 'eur';
    const subscription = this.#add('members_stripe_customers_subscriptions', {
      customer_id: customer.customer_id,
      subscription_id: `sub_${this.#random.hex(14)}`,
      status: 'active',
      cancel_at_period_end: 0,
      current_period_end: at,
      start_date: at,
      mrr: 0,
      plan_id: 'price_monthly',
      plan_nickname: 'Monthly',
      plan_interval: 'month',
      plan_amount: 500,
      plan_currency: currency,
      created_at: at,
      updated_at: at,
    });
    this.#pay(row, subscription, this.#random.integer(5, 30) * 100, 'created', at);
    return subscription;
  }

  #pay(member: Row, subscription: Record<string, unknown>, mrr: number, type: string, at: string): void {
    this.#add('members_paid_subscription_events', {
      type,
      member_id: member.id,
      subscription_id: subscription.id,
      currency: subscription.plan_currency,
      source: 'stripe',
      mrr_delta: mrr - Number(subscription.mrr),
      created_at: at,
    });
    subscription.mrr = mrr;
  }

  #publish(day: string): void {
    const at = this.#moment(day);
    const number = this.#rows.get('posts')?.length ?? 0;
    const common = {
      uuid: this.#random.uuid(),
      newsletter_id: this.#options.newsletterId,
      created_at: at,
      updated_at: at,
    };
    const titles = { title: `Letter ${number}`, slug: `history-letter-${number}`, type: 'post', visibility: 'public' };
    const status = number % 3 === 2 ? 'sent' : 'published';
    const post = this.#add('posts', { ...common, ...titles, status, email_recipient_filter: 'all', published_at: at });
    const email = this.#add('emails', {
      ...common,
      post_id: post.id,
      status: 'submitted',
      recipient_filter: 'all',
      email_count: this.#members.length,
      delivered_count: this.#members.length,
      opened_count: 0,
      track_opens: 1,
      track_clicks: 1,
      submitted_at: at,
    });
    const batch = this.#add('email_batches', {
      email_id: email.id,
      status: 'submitted',
      created_at: at,
      updated_at: at,
    });
    const link = { from: `/r/${number}`, to: 'https://example.com/', post_id: post.id, created_at: at };
    const redirects = [this.#add('redirects', link), this.#add('redirects', { ...link, from: `/r/${number}-b` })];
    for (const { row } of this.#members) {
      const opened = this.#random.chance(0.4) ? this.#later(day) : null;
      if (opened !== null) email.opened_count = Number(email.opened_count) + 1;
      this.#add('email_recipients', {
        email_id: email.id,
        member_id: row.id,
        batch_id: batch.id,
        processed_at: at,
        delivered_at: at,
        opened_at: opened,
        member_uuid: row.uuid,
        member_email: row.email,
      });
      // Some click twice, and on another link: once for Ghost, and for us.
      for (let clicks = this.#random.chance(0.1) ? this.#random.integer(1, 3) : 0; clicks > 0; clicks -= 1)
        this.#add('members_click_events', {
          member_id: row.id,
          redirect_id: this.#random.pick(redirects).id,
          created_at: this.#later(day),
        });
      if (this.#random.chance(0.02)) {
        const written = this.#later(day);
        const state = this.#random.chance(0.9) ? 'published' : 'hidden';
        const comment = { post_id: post.id, member_id: row.id, status: state, html: '<p>Thank you.</p>' };
        this.#add('comments', { ...comment, created_at: written, updated_at: written });
      }
    }
  }

  /** Some moment of a day, to the second. */
  #moment(day: string): string {
    const seconds = this.#random.integer(0, 86_399);
    return `${day} ${new Date(seconds * 1000).toISOString().slice(11, 19)}`;
  }

  /** Some moment of the three days after a post, and never past the end of the history. */
  #later(day: string): string {
    const after = new Date(Date.parse(`${day}T00:00:00Z`) + this.#random.integer(0, 3) * 86_400_000);
    const later = after.toISOString().slice(0, 10);
    const [first = day] = [later, this.#options.through].sort();
    return this.#moment(first);
  }

  #add(table: (typeof tables)[number], values: Record<string, unknown>): Record<string, unknown> {
    const rows = this.#rows.get(table) as Record<string, unknown>[];
    const row = { id: rowId(`history of ${table}`, rows.length), ...values };
    rows.push(row);
    return row;
  }
}
