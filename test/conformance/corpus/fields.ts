import { rowId } from '../../../scripts/dataset/rows.ts';
/** What a filter can ask of one resource: its fields with values worth comparing with, and what can be asked beside. */
export interface Resource {
  /** Path below the API, without a query. */
  readonly path: string;
  readonly as: 'owner' | 'content';
  /** Field to values; a string is quoted in the filter, `null` is the word. */
  readonly fields: Readonly<Record<string, readonly (string | number | boolean | null)[]>>;
  readonly orders: readonly string[];
  readonly includes: readonly string[];
  /** Lists that Ghost does not order, see {@link Call.unordered}. */
  readonly unordered?: readonly string[];
  /**
   * Fields of a list that Ghost does not order, by whose index MySQL may find the rows: which of them come first is then
   * its plan's choice, and an order is asked for.
   */
  readonly plannedBy?: readonly string[];
  /** Fixed part of the query. */
  readonly query?: Readonly<Record<string, string>>;
}

const texts = [
  'Éclair',
  'eclair',
  'ECLAIR NOIR',
  'zürich',
  'strasse',
  'NULL',
  'back\\slash',
  '100% sure',
  'under_score',
  "it's 'quoted'",
  'trailing blanks',
  '  leading blanks',
  'emoji 🎉 party',
  '日本語の題名',
  'журнал',
  '',
  'coop',
  'Unicode',
];
const dates = ['2026-01-01', '{anchor-10}', '{anchor-20} 12:00:00', '{anchor-30}T04:00:00.000Z'];
const bool = [true, false];

export const resources: readonly Resource[] = [
  {
    path: 'posts',
    as: 'owner',
    fields: {
      title: texts,
      slug: ['harbour-posts-0', 'HARBOUR-POSTS-12', 'none'],
      status: ['published', 'draft', 'scheduled', 'PUBLISHED'],
      visibility: ['public', 'members', 'paid', 'tiers'],
      featured: bool,
      published_at: [...dates, null],
      updated_at: [...dates, null],
      created_at: dates,
      custom_excerpt: [...texts.slice(0, 8), null],
      reading_time: [0, 4, 12, null, '5'],
      tag: ['kitchen-tags-1', 'letter-tags-2', 'hash-none', 'news'],
      primary_tag: ['kitchen-tags-1', 'letter-tags-2'],
      author: ['harbour-users-0', 'night-users-4', 'mira'],
      primary_author: ['harbour-users-0', 'kitchen-users-1'],
      'tags.visibility': ['internal', 'public'],
      newsletter_id: [null],
      'posts_meta.email_subject': [...texts.slice(0, 5), null],
      feature_image: [null, 'http://conformance.example.com/content/images/0.png'],
      id: [rowId('posts', 3), `${rowId('posts', 3)}x`, 'none'],
    },
    orders: [
      'published_at desc',
      'published_at asc',
      'updated_at desc, title asc',
      'title asc',
      'title desc',
      'featured desc',
      'created_at asc',
      'visibility asc, reading_time desc',
      'custom_excerpt asc',
      'reading_time asc',
    ],
    includes: [
      'tags',
      'authors',
      'tags,authors',
      'tiers',
      'email',
      'count.clicks',
      'tags,authors,authors.roles,email,tiers,newsletter,count.clicks,count.signups,count.paid_conversions,sentiment,count.positive_feedback,count.negative_feedback',
    ],
    query: { formats: 'html,plaintext' },
  },
  {
    path: 'pages',
    as: 'owner',
    fields: { title: texts.slice(0, 8), featured: bool, status: ['published', 'draft'], updated_at: dates },
    orders: ['title asc', 'updated_at desc'],
    includes: ['tags', 'authors,tags,tiers'],
  },
  {
    path: 'posts',
    as: 'content',
    fields: {
      title: texts,
      featured: bool,
      visibility: ['public', 'members', 'paid'],
      published_at: dates,
      tag: ['kitchen-tags-1', 'window-tags-6'],
      author: ['harbour-users-0', 'train-users-5'],
      primary_tag: ['kitchen-tags-1', 'aurora-tags-3'],
      slug: ['harbour-posts-0'],
      excerpt: ['a'],
      reading_time: [2, 7],
    },
    orders: ['published_at desc', 'title asc', 'slug:desc'.replace(':', ' '), 'featured desc, title desc'],
    includes: ['tags', 'authors', 'tags,authors,tiers', 'count.posts'],
  },
  {
    path: 'tags',
    as: 'owner',
    fields: {
      name: texts,
      slug: ['harbour-tags-0', 'KITCHEN-tags-1'],
      visibility: ['public', 'internal'],
      description: [...texts.slice(0, 6), null],
      created_at: dates,
      accent_color: [null, '#ff0000'],
    },
    orders: ['name asc', 'name desc', 'count.posts desc, slug asc', 'description asc', 'slug desc', 'created_at desc'],
    plannedBy: ['slug'],
    includes: ['count.posts', ''],
  },
  {
    path: 'tags',
    as: 'content',
    fields: { name: texts.slice(0, 10), slug: ['harbour-tags-0'], visibility: ['public', 'internal'] },
    orders: ['name asc', 'count.posts desc, slug asc', 'slug asc'],
    plannedBy: ['slug'],
    includes: ['count.posts', ''],
  },
  {
    path: 'authors',
    as: 'content',
    fields: { name: texts.slice(0, 10), slug: ['harbour-users-0', 'mira'] },
    orders: ['name asc', 'name desc', 'count.posts desc, slug asc', 'slug asc'],
    includes: ['count.posts', ''],
  },
  {
    path: 'users',
    as: 'owner',
    fields: {
      name: texts,
      email: ['MIRA@example.com', 'anna.0@users.example.com'],
      status: ['active', 'inactive'],
      slug: ['harbour-users-0'],
      last_seen: [...dates, null],
      'roles.name': ['Editor', 'owner'],
      location: [...texts.slice(0, 5), null],
    },
    orders: ['name asc', 'last_seen desc', 'email asc', 'count.posts desc, slug asc'],
    includes: ['roles', 'count.posts'],
  },
  {
    path: 'members',
    as: 'owner',
    fields: {
      name: [...texts, null],
      email: ['ANNA.3@members.example.com', 'bela', '@members', 'none'],
      status: ['free', 'paid', 'comped', 'gift', '-free'],
      note: [...texts.slice(0, 6), null],
      expertise: [...texts.slice(0, 4), null],
      created_at: dates,
      last_seen_at: [...dates, null],
      email_count: [0, 3, 12],
      email_opened_count: [0, 5],
      email_open_rate: [null, 0, 50, 99],
      email_disabled: [0, 1],
      subscribed: bool,
      label: ['kitchen-labels-1', 'harbour-labels-0', 'none'],
      labels: ['letter-labels-2'],
      tier: ['harbour-products-0', 'default-product'],
      tier_id: [rowId('products', 0)],
      'newsletters.slug': ['default-newsletter', 'kitchen-newsletters-1'],
      'newsletters.status': ['active', 'archived'],
      newsletters: ['harbour-newsletters-0'],
      signup: [rowId('posts', 3), null],
      conversion: [rowId('posts', 1), null],
      'opened_emails.post_id': [rowId('posts', 3), null],
      'emails.post_id': [rowId('posts', 3), null],
      'clicked_links.post_id': [rowId('posts', 1), null],
      'feedback.post_id': [rowId('posts', 2)],
      'subscriptions.status': ['active', 'canceled', 'trialing'],
      'subscriptions.plan_interval': ['month', 'year'],
      'subscriptions.start_date': dates,
      'subscriptions.current_period_end': dates,
      offer_redemptions: [rowId('offers', 0), null],
      'count.active_stripe_customers': [0, 1],
    },
    orders: [
      'created_at desc',
      'created_at asc',
      'name asc',
      'name desc',
      'email asc',
      'email_open_rate desc',
      'email_open_rate asc',
      'last_seen_at desc',
      'note asc',
      'status asc, name desc',
      'email_count desc',
    ],
    includes: ['labels', 'newsletters', 'tiers', 'labels,tiers,newsletters,subscriptions', 'email_recipients', ''],
  },
  {
    path: 'members/events',
    as: 'owner',
    fields: {
      type: [
        'signup_event',
        'login_event',
        'newsletter_event',
        'payment_event',
        'subscription_event',
        'comment_event',
        'click_event',
        'feedback_event',
        'email_sent_event',
        'email_opened_event',
        'donation_event',
        'aggregated_click_event',
        'email_change_event',
        'none',
      ],
      'data.created_at': dates,
      'data.member_id': [rowId('members', 3), rowId('members', 7)],
      'data.post_id': [rowId('posts', 3), rowId('posts', 1)],
    },
    orders: ['created_at desc'],
    includes: [''],
  },
  {
    path: 'labels',
    as: 'owner',
    fields: { name: texts.slice(0, 10), slug: ['harbour-labels-0'], created_at: dates },
    orders: ['name asc', 'name desc', 'created_at desc'],
    includes: ['count.members', ''],
  },
  {
    path: 'newsletters',
    as: 'owner',
    fields: {
      name: texts.slice(0, 8),
      status: ['active', 'archived'],
      slug: ['default-newsletter'],
      subscribe_on_signup: bool,
      sort_order: [0, 5],
    },
    orders: ['sort_order asc', 'name desc', 'status asc, name asc'],
    includes: ['count.posts', 'count.members', 'count.active_members', 'count.posts,count.members'],
  },
  {
    path: 'tiers',
    as: 'owner',
    fields: {
      type: ['free', 'paid'],
      active: bool,
      visibility: ['public', 'none'],
      name: texts.slice(0, 6),
      slug: ['harbour-products-0'],
      monthly_price: [500, 3000, null],
    },
    orders: ['name asc', 'monthly_price desc'],
    includes: ['monthly_price,yearly_price,benefits', ''],
  },
  { path: 'offers', as: 'owner', fields: { status: ['active', 'archived'] }, orders: [''], includes: [''] },
  {
    path: 'snippets',
    as: 'owner',
    fields: { name: texts.slice(0, 6) },
    orders: ['name asc', 'created_at desc'],
    includes: [''],
    unordered: ['snippets'],
  },
  {
    path: 'comments',
    as: 'owner',
    fields: {
      status: ['published', 'hidden', 'deleted'],
      member_id: [rowId('members', 3)],
      post_id: [rowId('posts', 3)],
      created_at: dates,
      html: ['Comment 1', '1'],
    },
    orders: ['created_at desc', 'created_at asc'],
    includes: ['member,post', 'count.replies,count.likes,count.reports', 'member,post,parent,in_reply_to'],
  },
  {
    path: 'actions',
    as: 'owner',
    fields: {
      event: ['added', 'edited', 'deleted'],
      resource_type: ['post', 'member'],
      actor_type: ['user'],
      created_at: dates,
    },
    orders: ['created_at desc', 'created_at asc'],
    includes: ['actor,resource', ''],
  },
  {
    path: 'mentions',
    as: 'owner',
    fields: {
      source: ['http://pages.example.com/source/1', 'pages'],
      source_title: [...texts.slice(0, 6), null],
      deleted: bool,
      verified: bool,
      created_at: dates,
      resource_id: [rowId('posts', 2)],
    },
    orders: ['created_at desc', 'source_title asc', 'created_at asc'],
    includes: [''],
  },
  {
    path: 'recommendations',
    as: 'owner',
    fields: { title: texts.slice(0, 8), url: ['pages'], one_click_subscribe: bool, created_at: dates },
    orders: ['created_at desc', 'title asc', 'title desc', 'one_click_subscribe asc'],
    includes: ['count.clicks,count.subscribers', ''],
  },
  {
    path: 'emails',
    as: 'owner',
    fields: { status: ['submitted'], subject: texts.slice(0, 6) },
    orders: ['created_at desc'],
    includes: [''],
  },
  {
    path: 'integrations',
    as: 'owner',
    fields: { type: ['custom', 'builtin'], name: texts.slice(0, 5) },
    orders: ['name asc'],
    includes: ['api_keys,webhooks', ''],
  },
  {
    path: 'links',
    as: 'owner',
    fields: { post_id: [rowId('posts', 3), rowId('posts', 1)], to: ['pages'] },
    orders: [''],
    includes: [''],
  },
];

/** Operators of Ghost's query language with the kinds of value they take. */
export const operators = [
  { name: 'is', write: (value: string) => value, takes: 'any' },
  { name: 'is not', write: (value: string) => `-${value}`, takes: 'any' },
  { name: 'greater', write: (value: string) => `>${value}`, takes: 'comparable' },
  { name: 'at least', write: (value: string) => `>=${value}`, takes: 'comparable' },
  { name: 'less', write: (value: string) => `<${value}`, takes: 'comparable' },
  { name: 'at most', write: (value: string) => `<=${value}`, takes: 'comparable' },
  { name: 'contains', write: (value: string) => `~${value}`, takes: 'text' },
  { name: 'does not contain', write: (value: string) => `-~${value}`, takes: 'text' },
  { name: 'starts with', write: (value: string) => `~^${value}`, takes: 'text' },
  { name: 'does not start with', write: (value: string) => `-~^${value}`, takes: 'text' },
  { name: 'ends with', write: (value: string) => `~$${value}`, takes: 'text' },
  { name: 'does not end with', write: (value: string) => `-~$${value}`, takes: 'text' },
] as const;

export type Operator = (typeof operators)[number];

/** May `operator` be asked about `value`? */
export function fits(operator: Operator, value: string | number | boolean | null): boolean {
  if (operator.takes === 'any') return true;
  if (operator.takes === 'text') return typeof value === 'string' && value !== '';
  return value !== null && typeof value !== 'boolean';
}

/** A value as the query language writes it. */
export function literal(value: string | number | boolean | null, anchor: Date): string {
  if (typeof value !== 'string') return String(value);
  const dated = value.replaceAll(/\{anchor-(\d+)\}/g, (_, days: string) =>
    new Date(anchor.getTime() - Number(days) * 86_400_000).toISOString().slice(0, 10),
  );
  return `'${dated.replaceAll("'", "\\'")}'`;
}

/** A path with a query, every part encoded. */
export function pathOf(resource: Resource, query: Readonly<Record<string, string | undefined>>): string {
  const parts = Object.entries({ ...resource.query, ...query })
    .filter(([, value]) => value !== undefined && value !== '')
    .map(([name, value]) => `${name}=${encodeURIComponent(value ?? '')}`);
  const api = resource.as === 'content' ? 'content' : 'admin';
  return `/ghost/api/${api}/${resource.path}/${parts.length === 0 ? '' : `?${parts.join('&')}`}`;
}
