import { prepare } from '../../../runtime/site/database/execution.ts';
import { Translator, translate } from '../../../runtime/site/database/translation.ts';
import { percentileOf } from '../load.ts';

/** Statements as Ghost sends them: short and long, with lists, aggregates, joins and LIKE. */
const statements: readonly (readonly [text: string, bindings: readonly unknown[]])[] = [
  ['select `settings`.* from `settings`', []],
  ['select `sessions`.* from `sessions` where `sessions`.`session_id` = ? limit ?', ['a'.repeat(32), 1]],
  [
    'select count(distinct posts.id) as aggregate from `posts` where ((`posts`.`status` = ? and `posts`.`type` = ?))',
    ['published', 'post'],
  ],
  [
    'select `posts`.* from `posts` where (`posts`.`status` = ? and `posts`.`id` in (select `posts_tags`.`post_id` from `posts_tags` inner join `tags` on `tags`.`id` = `posts_tags`.`tag_id` where `tags`.`slug` = ?)) order by `posts`.`published_at` desc, `posts`.`id` desc limit ?',
    ['published', 'news', 30],
  ],
  [
    'select `tags`.*, `posts_tags`.`post_id` as `_pivot_post_id`, `posts_tags`.`tag_id` as `_pivot_tag_id`, `posts_tags`.`sort_order` as `_pivot_sort_order` from `tags` inner join `posts_tags` on `posts_tags`.`tag_id` = `tags`.`id` where `posts_tags`.`post_id` in (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) order by `sort_order` asc',
    Array.from({ length: 15 }, (_, at) => `5f00000000000000000000${at}`),
  ],
  [
    "select `members`.* from `members` where (`members`.`name` like ? escape '*' or `members`.`email` like ? escape '*') and `members`.`id` in (select `members_labels`.`member_id` from `members_labels` inner join `labels` on `labels`.`id` = `members_labels`.`label_id` where `labels`.`slug` = ?) order by `members`.`created_at` desc, `members`.`id` desc limit ?",
    ['%anna%', '%anna%', 'vip', 50],
  ],
  [
    `update \`posts\` set ${['title', 'slug', 'lexical', 'html', 'plaintext', 'updated_at', 'updated_by'].map((name) => `\`${name}\` = ?`).join(', ')} where \`id\` = ?`,
    ['t', 's', 'l'.repeat(4_000), 'h'.repeat(4_000), 'p'.repeat(4_000), new Date(0), '1', 'id'],
  ],
  [
    'insert into `members` (`id`, `uuid`, `email`, `name`, `status`, `created_at`) values (?, ?, ?, ?, ?, ?)',
    ['1', '2', 'a@example.com', 'A', 'free', '2026-11-01 00:00:00'],
  ],
];

export interface RewritingCost {
  /** Microseconds for a statement that was never seen. */
  readonly unseen: { readonly p50: number; readonly p95: number };
  /** Microseconds for one that was, its values put in place included. */
  readonly seen: { readonly p50: number; readonly p95: number };
}

/** What the rewriting of a statement costs Ghost's process. */
export function measureRewriting(): RewritingCost {
  const translator = new Translator();
  const seen = time(20_000, (text, bindings) => prepare(translator.translate(text), bindings));
  const unseen = time(2_000, (text) => translate(text));
  return { unseen, seen };
}

function time(repetitions: number, work: (text: string, bindings: readonly unknown[]) => unknown) {
  const measured: number[] = [];
  for (let at = 0; at < repetitions * 2; at += 1) {
    const [text, bindings] = statements[at % statements.length] as (typeof statements)[number];
    // knex builds its text anew for each query: a string that no map has looked up yet.
    const built = Buffer.from(text).toString();
    const started = process.hrtime.bigint();
    work(built, bindings);
    const took = Number(process.hrtime.bigint() - started) / 1000;
    // The first half compiles the code.
    if (at >= repetitions) measured.push(took);
  }
  return { p50: percentileOf(measured, 0.5), p95: percentileOf(measured, 0.95) };
}
