import type { GhostTable } from './ghost-schema.ts';
import { Random } from './random.ts';
import { createValue } from './values.ts';

export type Row = Readonly<Record<string, unknown>>;

export interface DatasetOptions {
  readonly seed: number;
  /** Instants are spread over the days before this one. */
  readonly anchor: Date;
  /** Number of rows by table. @default 16 for a table that is not named */
  readonly counts?: Readonly<Record<string, number>>;
}

/** Rows of one table, in the order in which they are to be inserted. */
export interface TableRows {
  readonly table: string;
  readonly rows: readonly Row[];
}

/**
 * What Ghost itself keeps (fixtures, sessions, ledgers) and what makes it act by the clock (queues, running automations,
 * gifts on their way): a dataset leaves these alone.
 */
const left = new Set([
  ...['roles', 'roles_users', 'permissions', 'permissions_users', 'permissions_roles', 'settings', 'sessions', 'brute'],
  ...['api_keys', 'outbox', 'jobs', 'tinybird_syncs', 'automation_runs', 'automation_run_steps', 'tokens', 'invites'],
  ...[
    'welcome_email_automation_runs',
    'gifts',
    'gift_deliveries',
    'gift_links',
    'post_gift_links',
    'automation_action_edges',
  ],
  ...['mobiledoc_revisions', 'suppressions', 'custom_theme_settings', 'products_checkout_config'],
]);

/** Columns that name a row of another table without a foreign key. */
const softReferences: Readonly<Record<string, string>> = {
  member_id: 'members',
  user_id: 'users',
  actor_id: 'users',
  published_by: 'users',
  author_id: 'users',
  resource_id: 'posts',
  attribution_id: 'posts',
  post_id: 'posts',
  subscription_id: 'members_stripe_customers_subscriptions',
};

/**
 * Rows for every table of a Ghost release that a dataset may fill, the same for the same seed, parents before children.
 * Ids rise with the row's number as Ghost's own do, and rows stand shuffled, so that the order in which a table was
 * filled is not the order of its key.
 */
export function createDataset(schema: readonly GhostTable[], options: DatasetOptions): TableRows[] {
  const random = new Random(options.seed);
  const keys = new Map<string, Map<string, unknown[]>>();
  return schema
    .filter((table) => !left.has(table.name))
    .map((table) => {
      const rows = createRows(table, options, random, keys);
      keys.set(table.name, new Map([...table.columns.keys()].map((name) => [name, rows.map((row) => row[name])])));
      return { table: table.name, rows: random.shuffle(rows) };
    });
}

function createRows(
  table: GhostTable,
  options: DatasetOptions,
  random: Random,
  keys: ReadonlyMap<string, ReadonlyMap<string, readonly unknown[]>>,
): Row[] {
  const taken = new Set<string>();
  const rows: Row[] = [];
  const wanted = options.counts?.[table.name] ?? 16;
  for (let number = 0; number < wanted; number += 1) {
    const row: Record<string, unknown> = {};
    for (const [name, column] of table.columns) {
      const soft = softReferences[name] ?? '';
      const [parent, key] = column.references?.split('.') ?? [soft === table.name ? '' : soft, 'id'];
      const candidates = keys.get(parent ?? '')?.get(key ?? 'id');
      if (name === 'id') row.id = rowId(table.name, number);
      else if (candidates !== undefined && candidates.length > 0) {
        // Every parent gets a child before one gets a second: a post without an author is nothing that Ghost knows.
        const child = number < candidates.length ? candidates[number] : random.pick(candidates);
        row[name] = column.nullable !== false && random.chance(0.15) ? null : child;
      } else if (column.references !== undefined) row[name] = column.nullable === false ? undefined : null;
      else row[name] = createValue({ table: table.name, name, column, row: number, anchor: options.anchor }, random);
    }
    const folded = table.unique.flatMap((columns) => keyOf(columns, row) ?? []);
    if (Object.values(row).includes(undefined) || folded.some((key) => taken.has(key))) continue;
    for (const key of folded) taken.add(key);
    rows.push(row);
  }
  return rows;
}

/** Letters that a collation without accents takes for others, and that Unicode does not take apart. */
const alike: Readonly<Record<string, string>> = { œ: 'oe', æ: 'ae', ß: 'ss', ø: 'o', ł: 'l', đ: 'd', ı: 'i', þ: 'th' };

/** As a unique index that ignores case and accents sees the values; undefined where it takes no notice of the row. */
function keyOf(columns: readonly string[], row: Row): string | undefined {
  if (columns.some((name) => row[name] === null)) return undefined;
  const values = columns.map((name) =>
    String(row[name])
      .normalize('NFKD')
      .replaceAll(/\p{M}/gu, '')
      .toLowerCase()
      .replaceAll(/[œæßøłđıþ]/g, (letter) => alike[letter] ?? letter)
      .trim(),
  );
  return JSON.stringify([columns, values]);
}

/** The id of row `number` (from 0) of a dataset's table: 24 hexadecimal digits that rise with the number. */
export function rowId(table: string, number: number): string {
  let code = 0x811c9dc5;
  for (const character of table) code = Math.imul(code ^ character.charCodeAt(0), 0x01000193);
  const prefix = ((code >>> 0) % 0x1000000).toString(16).padStart(6, '0');
  return `5f${prefix}c0ffee${number.toString(16).padStart(10, '0')}`;
}
