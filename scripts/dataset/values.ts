import type { GhostColumn } from './ghost-schema.ts';
import type { Random } from './random.ts';
import { awkwardTexts, plainWords } from './words.ts';

/** Where a value goes: the table, the column, the number of the row in its table. */
export interface Cell {
  readonly table: string;
  readonly name: string;
  readonly column: GhostColumn;
  readonly row: number;
  /** Instants are spread over the days before this one. */
  readonly anchor: Date;
}

type Rule = (cell: Cell, random: Random) => unknown;

/** By `table.column`, then by column: what a value must look like for Ghost to work with it. */
const rules: Readonly<Record<string, Rule>> = {
  'posts.type': ({ row }) => (row % 6 === 5 ? 'page' : 'post'),
  'posts.status': ({ row }) => statusOf(row),
  'posts.published_at': (cell, random) => {
    const status = statusOf(cell.row);
    if (status === 'draft') return null;
    // A post that is due is published by Ghost itself, at a moment of its own.
    return status === 'scheduled'
      ? formatInstant(new Date(cell.anchor.getTime() + (700 + cell.row) * 86_400_000))
      : distinctInstant(cell, random);
  },
  'posts.visibility': (_, random) => random.pick(['public', 'public', 'public', 'members', 'paid', 'tiers']),
  'posts.email_recipient_filter': (_, random) => random.pick(['all', 'none', 'status:free', 'status:-free']),
  'posts.lexical': ({ row }) => lexicalOf(`Paragraph ${row} about ${plainWords[row % plainWords.length]}.`),
  'posts.html': ({ row }) => `<p>Paragraph ${row} about ${plainWords[row % plainWords.length]}.</p>`,
  'posts.plaintext': ({ row }) => `Paragraph ${row} about ${plainWords[row % plainWords.length]}.`,
  'posts.custom_template': () => null,
  'posts.canonical_url': () => null,
  'post_revisions.lexical': ({ row }) => lexicalOf(`Revision ${row}.`),
  'posts.mobiledoc': () => null,
  'users.password': () => '$2a$10$.pZ1k0sQ6Cw2Cg0y7gk3XuPq2eJ3vO3h9yq6w3c5O1vK1tD1g8o1S',
  'users.status': ({ row }) => (row === 4 ? 'inactive' : 'active'),
  'users.accessibility': () => null,
  'users.tour': () => null,
  'tags.visibility': ({ row }) => (row % 7 === 6 ? 'internal' : 'public'),
  'tags.accent_color': (_, random) => `#${random.hex(6)}`,
  'members.commenting': () => null,
  'members.geolocation': () => null,
  'members.email_open_rate': (_, random) => (random.chance(0.3) ? null : random.integer(0, 100)),
  'products.type': () => 'paid',
  'newsletters.visibility': () => 'members',
  'newsletters.sender_reply_to': () => 'newsletter',
  'emails.status': () => 'submitted',
  'email_batches.status': () => 'submitted',
  'mentions.payload': () => '{}',
  'mentions.resource_type': () => 'post',
  'collections.type': () => 'manual',
  'collections.filter': () => null,
  'snippets.mobiledoc': () => '{}',
  'snippets.lexical': ({ row }) => lexicalOf(`Snippet ${row}`),
  'actions.resource_type': () => 'post',
  'actions.actor_type': () => 'user',
  'actions.event': (_, random) => random.pick(['added', 'edited', 'deleted']),
  'actions.context': () => null,
  'integrations.type': () => 'custom',
  'webhooks.event': (_, random) => random.pick(['post.published', 'tag.added', 'member.added']),
  'webhooks.target_url': () => 'http://127.0.0.1:9/none',
  'jobs.status': () => 'finished',
  'comments.parent_id': () => null,
  'comments.in_reply_to_id': () => null,
  'comments.html': ({ row }) => `<p>Comment ${row}</p>`,
  'comment_likes.score': (_, random) => random.pick([1, 1, 1, -1]),
  'members_feedback.score': (_, random) => random.integer(0, 1),
  'members_metafields.type': () => 'short_text',
  'members_metafield_values.path': () => '',
  'members_metafield_change_events.metafields': () => '[]',
  'members_paid_subscription_events.type': (_, random) => random.pick(['created', 'updated', 'canceled', 'active']),
  'members_stripe_customers_subscriptions.status': (_, random) =>
    random.pick(['active', 'trialing', 'canceled', 'past_due', 'unpaid']),
  'members_stripe_customers_subscriptions.plan_interval': (_, random) => random.pick(['month', 'year']),
  'members_stripe_customers_subscriptions.default_payment_card_last4': () => '4242',
  'milestones.type': (_, random) => random.pick(['arr', 'members']),
  'welcome_email_automated_emails.lexical': ({ row }) => lexicalOf(`Welcome ${row}`),
  'automation_action_revisions.email_lexical': ({ row }) => lexicalOf(`Automation ${row}`),
  'custom_theme_settings.theme': () => 'none-such',
  'stripe_prices.type': () => 'recurring',
  sort_order: ({ row }) => row + 1,
  email: ({ table, row }, random) => addressOf(table, row, random),
  member_email: ({ row }, random) => addressOf('members', row, random),
  sender_email: () => null,
  slug: ({ table, row }) =>
    `${plainWords[row % plainWords.length]?.toLowerCase()}-${table.replaceAll('_', '-')}-${row}`,
  currency: (_, random) => random.pick(['usd', 'eur', 'usd']),
  plan_currency: (_, random) => random.pick(['usd', 'eur', 'usd']),
  locale: () => null,
  codeinjection_head: () => null,
  codeinjection_foot: () => null,
  feature_image: ({ row }) => (row % 3 === 0 ? `http://conformance.example.com/content/images/${row}.png` : null),
  attribution_type: (_, random) => random.pick(['post', 'page', 'url', null]),
  attribution_url: ({ row }) => `/${row % 7}/`,
  referrer_source: (_, random) => random.pick(['Google', 'Direct', null, 'Éditeur', 'X']),
  error: () => null,
  error_data: () => null,
};

/** A value for `cell`; unique columns get one that no other row has. */
export function createValue(cell: Cell, random: Random): unknown {
  const { table, name, column } = cell;
  const rule = rules[`${table}.${name}`] ?? rules[name];
  if (rule !== undefined) return rule(cell, random);
  // Lists are ordered by these: where two rows tie, MySQL's order is that of the plan it chose.
  if (name === 'created_at' || name === 'updated_at') return distinctInstant(cell, random);
  if (column.nullable !== false && random.chance(0.25)) return null;
  const allowed = column.validations?.isIn?.[0];
  if (allowed !== undefined) return random.pick(allowed);
  switch (column.type) {
    case 'boolean':
      return random.integer(0, 1);
    case 'integer':
      return /amount|price|mrr/.test(name) ? random.integer(1, 12) * 250 : random.integer(0, 12);
    case 'bigInteger':
      return cell.anchor.getTime() - random.integer(0, 90) * 86_400_000;
    case 'float':
      return random.integer(0, 1000) / 8;
    case 'dateTime':
      return instant(cell.anchor, random);
    default:
      return textOf(cell, random);
  }
}

function textOf({ name, column, row }: Cell, random: Random): string {
  if (column.validations?.isUUID || name.endsWith('uuid')) return random.uuid();
  if (name.endsWith('_id'))
    return `5fabcdefc0ffee${String(column.unique ? row : random.integer(0, 8)).padStart(10, '0')}`;
  const unique = column.unique ? ` ${row}` : '';
  if (/url|image|website|favicon|^to$|^from$|^source$|^target$/.test(name))
    return `http://pages.example.com/${name}/${row}`;
  if (/secret|token|key|code|transient_id|_hash|stripe|session/.test(name))
    return `${name}_${random.hex(20)}`.slice(0, column.maxlength ?? 191);
  if (/color/.test(name)) return random.pick(['light', 'dark', 'accent']);
  const text = random.chance(0.7) ? random.pick(awkwardTexts) : `${random.pick(plainWords)} ${random.pick(plainWords)}`;
  return `${text}${unique}`.slice(0, column.maxlength ?? 191);
}

/** To the second, in UTC, as every database of Ghost keeps it; few enough different ones that many rows share theirs. */
function instant(anchor: Date, random: Random): string {
  const days = random.integer(1, 45);
  const hour = random.pick([0, 4, 12, 22, 23]);
  return formatInstant(new Date(anchor.getTime() - days * 86_400_000 + hour * 3_600_000));
}

function distinctInstant({ anchor, row }: Cell, random: Random): string {
  const day = anchor.getTime() - random.integer(1, 45) * 86_400_000;
  return formatInstant(new Date(day + random.pick([0, 4, 12, 22, 23]) * 3_600_000 + row * 1000));
}

function formatInstant(moment: Date): string {
  return moment.toISOString().slice(0, 19).replace('T', ' ');
}

function statusOf(post: number): string {
  if (post % 9 === 8) return 'draft';
  return post % 13 === 12 ? 'scheduled' : 'published';
}

function addressOf(table: string, row: number, random: Random): string {
  const word = random.pick(['anna', 'Bela', 'carla', 'dora', 'EMIL']);
  return `${word}.${row}@${table.replaceAll('_', '-')}.example.com`;
}

function lexicalOf(text: string): string {
  const leaf = { detail: 0, format: 0, mode: 'normal', style: '', text, type: 'extended-text', version: 1 };
  const block = { direction: 'ltr', format: '', indent: 0, version: 1 };
  return JSON.stringify({
    root: { children: [{ children: [leaf], ...block, type: 'paragraph' }], ...block, type: 'root' },
  });
}
