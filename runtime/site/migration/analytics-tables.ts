/** What the analytics role of a site may read of one of Ghost's tables. */
export interface AnalyticsTable {
  /** What the numbers are for. */
  readonly why: string;
  /** The columns, where others hold what no number needs: names, addresses, texts, passwords, keys of links. */
  readonly columns?: readonly string[];
}

/**
 * Everything that the analytics role of a site may read, by table. What is not here stays closed to it: `settings` (private
 * keys), `sessions`, `tokens`, `invites`, `api_keys`, `webhooks`, `gifts` and the like hold secrets, and who the members
 * are, what they wrote and what is being drafted is no business of statistics. A table or column that a release of Ghost
 * does not have is passed over.
 */
export const analyticsTables: Readonly<Record<string, AnalyticsTable>> = {
  members: {
    why: 'how many there are, by status and by day',
    columns: ['id', 'status', 'created_at', 'updated_at', 'last_seen_at', 'email_count', 'email_opened_count'],
  },
  members_created_events: {
    why: 'new members by day and where they come from',
    columns: ['id', 'member_id', 'source', 'attribution_type', 'referrer_source', 'created_at'],
  },
  members_status_events: { why: 'free, paid and comped members by day' },
  members_cancel_events: { why: 'cancellations by day' },
  members_subscribe_events: { why: 'subscribers of newsletters by day' },
  members_products: { why: 'members by tier' },
  members_product_events: { why: 'members by tier and day' },
  members_paid_subscription_events: { why: 'monthly recurring revenue by day and currency' },
  members_stripe_customers_subscriptions: {
    why: 'monthly recurring revenue by currency, as Ghost itself counts it',
    columns: [
      'id',
      'status',
      'mrr',
      'plan_amount',
      'plan_currency',
      'plan_interval',
      'stripe_price_id',
      'offer_id',
      'cancel_at_period_end',
      'current_period_end',
      'start_date',
      'trial_start_at',
      'trial_end_at',
      'created_at',
      'updated_at',
    ],
  },
  members_payment_events: { why: 'payments by day and currency' },
  donation_payment_events: {
    why: 'tips by day and currency',
    columns: ['id', 'member_id', 'amount', 'currency', 'created_at'],
  },
  products: {
    why: 'the tiers that revenue and members are counted by',
    columns: ['id', 'name', 'slug', 'type', 'active', 'currency', 'monthly_price', 'yearly_price', 'created_at'],
  },
  stripe_products: { why: 'which tier a price belongs to' },
  stripe_prices: { why: 'which tier a subscription pays for' },
  posts: {
    why: 'how many were published, by day and visibility; the rest of a row is the draft and the key of its preview',
    columns: ['id', 'type', 'status', 'visibility', 'newsletter_id', 'created_at', 'updated_at', 'published_at'],
  },
  newsletters: {
    why: 'what sent e-mails are counted by',
    columns: ['id', 'name', 'slug', 'status', 'visibility', 'created_at', 'updated_at'],
  },
  emails: {
    why: 'sent, delivered and opened newsletters, and what a plan includes of them',
    columns: [
      'id',
      'post_id',
      'newsletter_id',
      'status',
      'email_count',
      'delivered_count',
      'opened_count',
      'failed_count',
      'track_opens',
      'track_clicks',
      'submitted_at',
      'created_at',
      'updated_at',
    ],
  },
  email_recipients: {
    why: 'opens by hour and by recipient',
    columns: ['id', 'email_id', 'member_id', 'processed_at', 'delivered_at', 'opened_at', 'failed_at'],
  },
  redirects: { why: 'which post a click belongs to', columns: ['id', 'post_id', 'created_at', 'updated_at'] },
  members_click_events: { why: 'clicks in newsletters' },
  members_feedback: { why: 'how readers judge newsletters' },
  comments: {
    why: 'comments by day',
    columns: ['id', 'post_id', 'member_id', 'parent_id', 'status', 'created_at', 'updated_at'],
  },
  users: { why: 'the staff that a plan includes', columns: ['id', 'status', 'created_at', 'updated_at'] },
  roles: { why: 'which staff counts', columns: ['id', 'name'] },
  roles_users: { why: 'which staff counts' },
};
