/** How a database says what dialects say differently. The parameter of a query is a day, `YYYY-MM-DD`: `:from`, or `$1`. */
export interface Dialect {
  /** The day of UTC that a moment is in, as text. */
  day(column: string): string;
  /** Whether a moment is in the day of the parameter or later. */
  since(column: string): string;
  /** Text for the answer. */
  text(expression: string): string;
  /** A word of Ghost's own, such as a status, compared letter by letter. */
  word(column: string): string;
}

export const postgres: Dialect = {
  day: (column) => `to_char(${column}, 'YYYY-MM-DD')`,
  since: (column) => `${column} >= $1::timestamp`,
  // Columns of several collations meet in one result.
  text: (expression) => `cast(${expression} as text) collate "C"`,
  // The column's own collation takes each new connection longer to load than the query takes.
  word: (column) => `${column} collate "C"`,
};

/** Ghost's models write moments as text, its raw queries as milliseconds. */
export const sqlite: Dialect = {
  day: (column) =>
    `case typeof(${column}) when 'integer' then date(${column} / 1000, 'unixepoch') else date(${column}) end`,
  since: (column) =>
    `(${column} >= :from and typeof(${column}) <> 'integer' or typeof(${column}) = 'integer' and ${column} >= unixepoch(:from) * 1000)`,
  text: (expression) => `cast(${expression} as text)`,
  word: (column) => column,
};

/** One part of the answer: a figure by day and key. */
type Figure = (dialect: Dialect) => string;

const none = (dialect: Dialect) => dialect.text('null');

/** A figure that is one number for each day. */
function counter(
  figure: string,
  options: { from: string; at: string; value?: string; where?: (dialect: Dialect) => string },
): Figure {
  const { from, at, value = 'count(*)', where = () => '1 = 1' } = options;
  return (dialect) =>
    `select '${figure}', ${dialect.day(at)}, ${none(dialect)}, ${value} from ${from}
      where ${where(dialect)} and ${dialect.since(at)} group by 2`;
}

/**
 * Everything that analytics asks of a site's database. Members, revenue and newsletters are counted as Ghost's own stats
 * service counts them (core/server/services/stats), staff as its limit service does; the tables and columns are those of
 * `analyticsTables`.
 */
const figures: readonly Figure[] = [
  (dialect) =>
    `select 'members', ${none(dialect)}, ${dialect.text(dialect.word('status'))}, count(*) from members group by 3`,
  (dialect) => {
    const [from, to] = [dialect.word('from_status'), dialect.word('to_status')];
    return `select 'status', ${dialect.day('created_at')}, ${dialect.text(`coalesce(${from}, '') || '>' || coalesce(${to}, '')`)}, count(*)
      from members_status_events where ${dialect.since('created_at')} group by 2, 3`;
  },
  (dialect) =>
    `select 'mrr', ${none(dialect)}, ${dialect.text(`lower(${dialect.word('plan_currency')})`)}, sum(mrr)
      from members_stripe_customers_subscriptions group by 3`,
  (dialect) =>
    `select 'mrr_delta', ${dialect.day('created_at')}, ${dialect.text(`lower(${dialect.word('currency')})`)}, sum(mrr_delta)
      from members_paid_subscription_events where ${dialect.since('created_at')} group by 2, 3`,
  counter('published', {
    from: 'posts',
    at: 'published_at',
    where: ({ word }) => `${word('type')} = 'post' and ${word('status')} in ('published', 'sent')`,
  }),
  counter('sent', {
    from: 'emails',
    at: 'submitted_at',
    value: 'sum(email_count)',
    where: ({ word }) => `${word('status')} = 'submitted'`,
  }),
  // Through the e-mails: Ghost's index begins with theirs.
  counter('opened', {
    from: 'emails join email_recipients on email_recipients.email_id = emails.id',
    at: 'email_recipients.opened_at',
  }),
  (dialect) =>
    `select 'clicked', ${dialect.day('first_at')}, ${none(dialect)}, count(*) from (
      select min(clicks.created_at) as first_at
      from members_click_events as clicks join redirects on redirects.id = clicks.redirect_id
      where redirects.post_id is not null
        and clicks.member_id in (select member_id from members_click_events where ${dialect.since('created_at')})
      group by clicks.member_id, redirects.post_id) as firsts
      where ${dialect.since('first_at')} group by 2`,
  counter('commented', {
    from: 'comments',
    at: 'created_at',
    where: ({ word }) => `${word('status')} = 'published'`,
  }),
  (dialect) =>
    `select 'staff', ${none(dialect)}, ${none(dialect)}, count(*)
      from users join roles_users on roles_users.user_id = users.id join roles on roles.id = roles_users.role_id
      where ${dialect.word('roles.name')} <> 'Contributor' and ${dialect.word('users.status')} <> 'inactive'`,
];

/** More rows than this are no site's: some figures for each day of some years. */
export const mostRows = 50_000;

/**
 * The one query for a site's numbers since a day, its only parameter: one statement, so that all of it is of one moment
 * and a pooler needs no session. Rows are those of `FigureRow`, and small whatever stands in the tables.
 */
export function siteNumbersSql(dialect: Dialect): string {
  const parts = figures.map((figure) => figure(dialect));
  // The names of the columns are those of the first part.
  const names = `select null as figure, ${none(dialect)} as day, ${none(dialect)} as "key", 0 as value where 1 = 0`;
  return `select figure, day, substr("key", 1, 32) as "key", cast(value as bigint) as value from (
    ${[names, ...parts].join('\nunion all ')}) as figures limit ${mostRows}`;
}
