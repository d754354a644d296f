import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { cp, mkdir, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import path from 'node:path';
import type { Knex } from 'knex';
import { readGhostSchema } from '../../dataset/ghost-schema.ts';
import { Random } from '../../dataset/random.ts';
import { createDataset, type Row } from '../../dataset/rows.ts';
import { plainWords } from '../../dataset/words.ts';
import { repositoryDir } from '../../fleet/supervised-process.ts';

/** How much data the contestants hold. */
export interface Amount {
  readonly posts: number;
  readonly members: number;
  readonly seed: number;
}

/** Key of the Content API with which the bench asks. */
export const contentKey = `${'bead'.repeat(6)}be`;

const anchor = new Date('2026-11-01T00:00:00Z');
/** SQLite takes 500 rows at once, and 32,766 values. */
const rowsAtOnce = 100;

/** Rows of each table: as many as a publication of this size has for its posts and members. */
function countsOf({ posts, members }: Amount): Record<string, number> {
  // Every sixth row of posts is a page.
  const all = Math.round((posts * 6) / 5);
  return {
    posts: all,
    posts_meta: Math.round(posts / 2),
    posts_authors: Math.round(all * 1.2),
    posts_tags: all * 3,
    post_revisions: all,
    tags: 200,
    users: 20,
    members,
    labels: 40,
    newsletters: 4,
    products: 3,
    members_labels: members,
    members_newsletters: Math.round(members * 1.2),
    members_products: Math.round(members / 20),
    members_stripe_customers: Math.round(members / 20),
    members_stripe_customers_subscriptions: Math.round(members / 20),
    members_created_events: members,
    members_status_events: members,
    members_subscribe_events: members,
    members_click_events: Math.round(members / 5),
    members_feedback: Math.round(members / 20),
    emails: Math.round(posts / 20),
    email_recipients: members,
    comments: posts,
    redirects: Math.round(posts / 10),
    // Each would be told of every sign-up, with the member's relations read anew for each.
    webhooks: 0,
  };
}

/** Fills a database that Ghost has initialised and set up; the rows are the same for the same seed. */
export async function fillDatabase(knex: Knex, ghostPath: string, amount: Amount): Promise<void> {
  const dataset = createDataset(readGhostSchema(ghostPath), { seed: amount.seed, anchor, counts: countsOf(amount) });
  const random = new Random(amount.seed);
  await knex.transaction(async (transaction) => {
    for (const { table, rows } of dataset) {
      const complete = table === 'posts' ? rows.map((row) => withBody(row, random)) : rows;
      for (let at = 0; at < complete.length; at += rowsAtOnce)
        await transaction(table).insert(complete.slice(at, at + rowsAtOnce));
    }
    const integration = await transaction('integrations').where({ type: 'custom' }).orderBy('id').first('id');
    await transaction('api_keys').insert({
      id: `5fbe0000c0ffee${'0'.repeat(10)}`,
      type: 'content',
      secret: contentKey,
      role_id: null,
      integration_id: integration.id,
      created_at: '2026-11-01 00:00:00',
    });
  });
}

/** A post as long as people write them: eight paragraphs, about three kilobytes of text. */
function withBody(row: Row, random: Random): Row {
  const paragraphs = Array.from({ length: 8 }, () =>
    Array.from({ length: 60 }, () => random.pick(plainWords)).join(' '),
  );
  return {
    ...row,
    lexical: lexicalOf(paragraphs),
    html: paragraphs.map((text) => `<p>${text}.</p>`).join(''),
    plaintext: paragraphs.join('\n\n'),
  };
}

/** A document of Ghost's editor. */
export function lexicalOf(paragraphs: readonly string[]): string {
  const block = { direction: 'ltr', format: '', indent: 0, version: 1 };
  const leaf = { detail: 0, format: 0, mode: 'normal', style: '', type: 'extended-text', version: 1 };
  return JSON.stringify({
    root: {
      children: paragraphs.map((text) => ({ children: [{ ...leaf, text }], ...block, type: 'paragraph' })),
      ...block,
      type: 'root',
    },
  });
}

/**
 * A private copy, at `target`, of a folder that `make` fills once for the same inputs: the cache keeps the original, since
 * filling a database takes a minute and every run changes it.
 *
 * @param inputs what the content depends on: files and folders of this repository, and texts
 */
export async function copyFromCache(
  target: string,
  inputs: { name: string; files: readonly string[]; texts: readonly string[] },
  make: (dir: string) => Promise<void>,
): Promise<void> {
  const hash = createHash('sha256');
  for (const file of inputs.files.flatMap(filesBelow))
    hash.update(file).update(readFileSync(path.join(repositoryDir, file)));
  for (const text of inputs.texts) hash.update(text);
  const cache = process.env.GHOST_FLEET_CACHE ?? path.join(homedir(), '.cache/ghost-fleet');
  const kept = path.join(cache, `bench-${inputs.name}-${hash.digest('hex').slice(0, 12)}`);
  if (!existsSync(kept)) {
    // Made aside and moved into place, so that an interrupted run leaves nothing that looks complete.
    const partial = `${kept}.partial-${process.pid}`;
    await rm(partial, { recursive: true, force: true });
    await mkdir(partial, { recursive: true });
    await make(partial);
    await rename(partial, kept);
  }
  await cp(kept, target, { recursive: true, preserveTimestamps: true });
}

function filesBelow(file: string): string[] {
  const absolute = path.join(repositoryDir, file);
  if (path.extname(file) !== '') return [file];
  return readdirSync(absolute, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(repositoryDir, path.join(entry.parentPath, entry.name)))
    .sort();
}
